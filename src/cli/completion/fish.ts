import { type Option, type Verb, verbs } from "../verbs.js";
import { type Choice, choices } from "./choices.js";

/** The script for fish, 3.0 or newer. */
export function fishScript(): string {
  const lines = verbs.flatMap((verb) => [
    `${complete} -n __fish_use_subcommand -a ${verb.name} -d ${quoted(verb.summary)}`,
    ...verb.options.map((option) => `${inside(verb)} ${optionArguments(option)}`),
    ...verb.words.map(
      (word, place) =>
        `${complete} -n ${quoted(atPlace(verb, place))} ${choiceArguments(choices[word])}`,
    ),
  ]);
  return `# fish completion of wg-bridge. For this shell: wg-bridge completion fish | source
# For all of them: wg-bridge completion fish > ~/.config/fish/completions/wg-bridge.fish
function __wg_bridge_place
  # How many words stand between the verb and the cursor.
  count (string match -v -- '-*' (commandline -opc)[3..])
end
complete -c wg-bridge -f
${complete} -l help -d 'Print the usage'
${complete} -n __fish_use_subcommand -l version -d 'Print the version'
${lines.join("\n")}
`;
}

const complete = "complete -c wg-bridge";

/** The options of run stand without a verb too. */
function inside({ name }: Verb): string {
  const others = verbs.filter((verb) => verb.name !== name).map((verb) => verb.name);
  const condition =
    name === "run"
      ? `not __fish_seen_subcommand_from ${others.join(" ")}`
      : `__fish_seen_subcommand_from ${name}`;
  return `${complete} -n ${quoted(condition)}`;
}

/** The last kind of word may be repeated. */
function atPlace({ name, words }: Verb, place: number): string {
  const comparison = place === words.length - 1 ? "-ge" : "-eq";
  return `__fish_seen_subcommand_from ${name}; and test (__wg_bridge_place) ${comparison} ${place}`;
}

function optionArguments({ flag, effect, values }: Option): string {
  const spellings = flag.split(", ").map((spelling) => {
    const [, dashes = "", name = "", value = ""] = /^(--?)([\w-]+)(.*)$/.exec(spelling) ?? [];
    return { dashes, name, takesValue: value !== "" && !value.startsWith(" [") };
  });
  return [
    ...spellings.map(({ dashes, name }) => `${dashes === "-" ? "-s" : "-l"} ${name}`),
    ...(spellings.some(({ takesValue }) => takesValue)
      ? [values === undefined ? "-r -F" : "-x"]
      : []),
    ...(values === undefined ? [] : [`-a ${quoted(values.join(" "))}`]),
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
