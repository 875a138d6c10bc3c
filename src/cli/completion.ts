import { WgBridgeError } from "../errors.js";
import { type Verb, verbs } from "./verbs.js";

const shells = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** `wg-bridge completion bash|zsh|fish`. */
export async function completionCommand(args: readonly string[]): Promise<number> {
  const [shell] = args;
  if ((shell !== "bash" && shell !== "zsh" && shell !== "fish") || args.length > 1) {
    throw new WgBridgeError(
      "WG_BRIDGE_VALUE",
      "completion takes the name of a shell: bash, zsh or fish.",
    );
  }
  process.stdout.write(shells[shell]());
  return 0;
}

const names = verbs.map(({ name }) => name).join(" ");

/** An option's spellings, without what stands for its value: "--backend=". */
function flagsOf({ options }: Verb): readonly string[] {
  return [...options.flatMap(({ flag }) => flag.split(", ").map(bareFlag)), "--help"];
}

function bareFlag(flag: string): string {
  return flag.replace(/\[=.*$/, "").replace(/=.*$/, "=");
}

const interfacesCommand = "wg-bridge show interfaces 2>/dev/null";

function bashScript(): string {
  const words: Record<Verb["words"], string> = {
    none: "",
    interface: `$(${interfacesCommand})`,
    file: '$(compgen -f -- "$current")',
    shell: "bash zsh fish",
    verb: names,
  };
  const cases = verbs.map(
    (verb) => `    ${verb.name}) words="${flagsOf(verb).join(" ")} ${words[verb.words]}" ;;`,
  );
  return `# bash completion of wg-bridge: source <(wg-bridge completion bash)
_wg_bridge() {
  local current=\${COMP_WORDS[COMP_CWORD]} words
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "${names} --help --version" -- "$current"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join("\n")}
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _wg_bridge wg-bridge
`;
}

function zshScript(): string {
  const described = verbs.map(
    ({ name, summary }) => `    '${name}:${summary.replaceAll("'", "")}'`,
  );
  const words: Record<Verb["words"], string> = {
    none: ":",
    interface: `compadd -- \${(f)"$(${interfacesCommand} | tr ' ' '\\n')"}`,
    file: "_files",
    shell: "compadd bash zsh fish",
    verb: `compadd ${names}`,
  };
  const cases = verbs.map(
    (verb) => `    ${verb.name}) compadd -- ${flagsOf(verb).join(" ")}; ${words[verb.words]} ;;`,
  );
  return `#compdef wg-bridge
# zsh completion of wg-bridge: wg-bridge completion zsh > a file _wg-bridge in a directory of $fpath
_wg_bridge() {
  local -a verbs
  verbs=(
${described.join("\n")}
  )
  if ((CURRENT == 2)); then
    _describe verb verbs
    return
  fi
  case $words[2] in
${cases.join("\n")}
  esac
}
if [[ $funcstack[1] == _wg-bridge ]]; then
  _wg_bridge "$@"
else
  compdef _wg_bridge wg-bridge
fi
`;
}

function fishScript(): string {
  const first = "__fish_use_subcommand";
  const words: Record<Verb["words"], string | undefined> = {
    none: undefined,
    interface: `-f -a '(string split " " (${interfacesCommand}))'`,
    file: "-F",
    shell: "-f -a 'bash zsh fish'",
    verb: `-f -a '${names}'`,
  };
  const lines = verbs.flatMap((verb) => {
    const within = `complete -c wg-bridge -n '__fish_seen_subcommand_from ${verb.name}'`;
    const taken = words[verb.words];
    return [
      `complete -c wg-bridge -n ${first} -f -a ${verb.name} -d '${verb.summary.replaceAll("'", "")}'`,
      ...flagsOf(verb).map((flag) => `${within} ${fishFlag(flag)}`),
      ...(taken === undefined ? [] : [`${within} ${taken}`]),
    ];
  });
  return `# fish completion of wg-bridge: wg-bridge completion fish | source\n${lines.join("\n")}\n`;
}

function fishFlag(flag: string): string {
  if (!flag.startsWith("--")) return `-s ${flag.slice(1)}`;
  return flag.endsWith("=") ? `-r -l ${flag.slice(2, -1)}` : `-l ${flag.slice(2)}`;
}
