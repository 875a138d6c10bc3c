import { type Command, commandList, type Option } from "../commands.js";
import { type Choice, choices } from "./choices.js";

/** Returns the script for fish, 3.0 or newer. */
export function fishScript(): string {
  const lines = commandList.flatMap(({ name, summary, options, kinds }) => [
    `${complete} -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
    ...Object.entries(options).map(
      (option) => `${complete} -n ${quoted(inside(name))} ${optionArguments(...option)}`,
    ),
    ...kinds.map(
      (kind, place) =>
        `${complete} -n ${quoted(atPlace(name, kinds, place))} ${choiceArguments(choices[kind])}`,
    ),
  ]);
  return `# fish completion of wg-bridge. For this shell: wg-bridge completion fish | source
# For all of them: wg-bridge completion fish > ~/.config/fish/completions/wg-bridge.fish
function __wg_bridge_place
  # How many words stand between the command and the cursor.
  count (string match -v -- '-*' (commandline -opc)[3..])
end
complete -c wg-bridge -f
${complete} -l help -d 'Print the usage'
${complete} -n __fish_use_subcommand -l version -d 'Print the version'
${lines.join("\n")}
`;
}

const complete = "complete -c wg-bridge";

/** The condition for a command's options. Those of run may stand without it. */
function inside(name: string): string {
  if (name !== "run") return `__fish_seen_subcommand_from ${name}`;
  const others = commandList.map(({ name }) => name).filter((other) => other !== name);
  return `not __fish_seen_subcommand_from ${others.join(" ")}`;
}

/** The condition for an operand. The last one may be repeated. */
function atPlace(name: string, kinds: Command["kinds"], place: number): string {
  const comparison = place === kinds.length - 1 ? "-ge" : "-eq";
  return `__fish_seen_subcommand_from ${name}; and test (__wg_bridge_place) ${comparison} ${place}`;
}

function optionArguments(name: string, { short, value, values, effect }: Option): string {
  return [
    ...(short === undefined ? [] : [`-s ${short}`]),
    `-l ${name}`,
    ...(values === undefined ? [] : ["-x", `-a ${quoted(values.join(" "))}`]),
    ...(value?.startsWith("=") ? ["-r -F"] : []),
    `-d ${quoted(effect)}`,
  ].join(" ");
}

function choiceArguments({ words, command, files }: Choice): string {
  const all = [...words, ...(command === undefined ? [] : [`(${command})`])];
  return [
    ...(files ? ["-F"] : []),
    ...(all.length === 0 ? [] : [`-a ${quoted(all.join(" "))}`]),
  ].join(" ");
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
