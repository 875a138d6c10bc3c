import { commandList } from "../commands.js";
import { type Choice, choices, firstWords, optionsOf, runOptions } from "./choices.js";

/** Returns the script for bash, 4.2 or newer. */
export function bashScript(): string {
  const commandCases = commandList.map(
    (command) =>
      `    ${command.name}) kinds=(${command.kinds.join(" ")}) words=(${optionsOf(command).join(" ")}) ;;`,
  );
  const kindCases = Object.entries(choices).map(
    ([kind, choice]) => `      ${kind}) ${commandsOf(choice).join("; ")} ;;`,
  );
  return `# bash completion of wg-bridge. For this shell: source <(wg-bridge completion bash)
# For all of them: wg-bridge completion bash > /etc/bash_completion.d/wg-bridge
_wg_bridge() {
  local IFS=$' \\t\\n' line=\${COMP_LINE:0:COMP_POINT} typed=() kinds=() words=() files="" place=0
  local index last current word cut kept
  COMPREPLY=()
  # Without -r, read removes the backslashes that keep a word together. Lines with quotes are left to bash.
  [[ $line == *[\\'\\"]* ]] && return
  read -a typed <<< "$line"
  [[ $line == *[[:space:]] && $line != *\\\\[[:space:]] ]] && typed+=("")
  last=$((\${#typed[@]} - 1))
  current=\${typed[last]}
  case \${typed[1]-} in
${commandCases.join("\n")}
    -*) words=(${runOptions.join(" ")}) ;;
  esac
  for ((index = 2; index < last; index++)); do
    [[ \${typed[index]} == -* ]] || ((place += 1))
  done
  ((place < \${#kinds[@]})) || place=$((\${#kinds[@]} > 0 ? \${#kinds[@]} - 1 : 0))
  if ((last == 1)); then
    words=(${firstWords.join(" ")})
  elif [[ $current != -* ]]; then
    words=()
    case \${kinds[place]-} in
${kindCases.join("\n")}
    esac
  fi
  # bash also splits words at "=" and the rest of COMP_WORDBREAKS, and replaces only the last part: $2.
  read cut <<< "$2"
  kept=\${current%"$cut"}
  # Not compgen -W, which runs any $(command) in a name. %q keeps the shell from running it later.
  for word in "\${words[@]}"; do
    [[ $word == "$current"* && \${word#"$kept"} ]] || continue
    printf -v word %q "\${word#"$kept"}"
    COMPREPLY+=("$word")
  done
  # bash itself completes files, also after "=".
  [[ $files || $current == *=* ]] || compopt +o default 2>/dev/null
  [[ \${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
}
complete -o default -F _wg_bridge wg-bridge
`;
}

function commandsOf({ words, command, files }: Choice): readonly string[] {
  return [
    ...(words.length === 0 ? [] : [`words=(${words.join(" ")})`]),
    ...(command === undefined ? [] : [`mapfile -t -O ${words.length} words <<< "$(${command})"`]),
    ...(files ? ["files=1"] : []),
  ];
}
