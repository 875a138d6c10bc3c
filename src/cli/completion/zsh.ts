import { commandList } from "../commands.js";
import { type Choice, choices, optionsOf, runOptions } from "./choices.js";

/** Returns the script for zsh. */
export function zshScript(): string {
  const described = commandList.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  const commandCases = commandList.map(
    (command) =>
      `    ${command.name}) kinds=(${command.kinds.join(" ")}) options=(${optionsOf(command).join(" ")}) ;;`,
  );
  const kindCases = Object.entries(choices).map(
    ([kind, choice]) => `    ${kind}) ${commandsOf(choice).join("; ")} ;;`,
  );
  return `#compdef wg-bridge
# zsh completion of wg-bridge. For this shell: source <(wg-bridge completion zsh)
# For all of them: write it to a file _wg-bridge in a directory of $fpath.
_wg_bridge() {
  local -a subcommands kinds options names
  local word
  integer place=1 index
  subcommands=(
${described.join("\n")}
  )
  if ((CURRENT == 2)) && [[ $PREFIX != -* ]]; then
    _describe command subcommands
    return
  fi
  case $words[2] in
${commandCases.join("\n")}
    *) options=(${runOptions.join(" ")} --version) ;;
  esac
  if [[ $PREFIX == -* ]]; then
    compadd -- $options
    return
  fi
  for ((index = 3; index < CURRENT; index++)); do
    [[ $words[index] == -* ]] || ((place += 1))
  done
  ((place <= $#kinds)) || place=$#kinds
  case \${kinds[place]} in
${kindCases.join("\n")}
  esac
}
if [[ $funcstack[1] == _wg-bridge ]]; then
  _wg_bridge "$@"
else
  compdef _wg_bridge wg-bridge
fi
`;
}

function commandsOf({ words, command, files }: Choice): readonly string[] {
  return [
    ...(words.length === 0 ? [] : [`compadd -- ${words.join(" ")}`]),
    ...(command === undefined ? [] : [`names=(\${(f)"$(${command})"})`, "compadd -- $names"]),
    ...(files ? ["_files"] : []),
  ];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
