import { verbs } from "../verbs.js";
import { type Choice, choices, firstWords, optionsOf, runOptions } from "./choices.js";

/** The script for bash, 4.2 or newer. */
export function bashScript(): string {
  const verbCases = verbs.map(
    (verb) =>
      `    ${verb.name}) kinds=(${verb.words.join(" ")}) words="${optionsOf(verb).join(" ")}" ;;`,
  );
  const kindCases = Object.entries(choices).map(
    ([kind, choice]) =>
      `      ${kind}) words="${wordsOf(choice)}"${choice.files ? " files=1" : ""} ;;`,
  );
  return `# bash completion of wg-bridge. For this shell: source <(wg-bridge completion bash)
# For all of them: wg-bridge completion bash > /etc/bash_completion.d/wg-bridge
_wg_bridge() {
  # bash cuts the line at "=" and ":" too, and puts the answer behind the last of these.
  local line=\${COMP_LINE:0:COMP_POINT} typed=() kinds=() words="" files="" place=0 index last current
  read -r -a typed <<< "$line"
  [[ $line == *[[:space:]] ]] && typed+=("")
  last=$((\${#typed[@]} - 1))
  current=\${typed[last]}
  case \${typed[1]} in
${verbCases.join("\n")}
    -*) words="${runOptions.join(" ")}" ;;
  esac
  for ((index = 2; index < last; index++)); do
    [[ \${typed[index]} == -* ]] || ((place += 1))
  done
  ((place < \${#kinds[@]})) || place=$((\${#kinds[@]} > 0 ? \${#kinds[@]} - 1 : 0))
  if ((last == 1)); then
    words="${firstWords.join(" ")}"
  elif [[ $current != -* ]]; then
    words=""
    case \${kinds[place]} in
${kindCases.join("\n")}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  # Files are bash's own business, also behind "=".
  [[ $files || $current == *=* ]] || compopt +o default 2>/dev/null
  [[ \${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  if [[ $COMP_WORDBREAKS == *=* && $current == *=* ]]; then
    COMPREPLY=("\${COMPREPLY[@]#*=}")
    [[ \${COMPREPLY[*]} ]] || COMPREPLY=()
  fi
}
complete -o default -F _wg_bridge wg-bridge
`;
}

function wordsOf({ words, command }: Choice): string {
  return [...words, ...(command === undefined ? [] : [`$(${command})`])].join(" ");
}
