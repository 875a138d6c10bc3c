import { settingWords } from "../set.js";
import { fields } from "../show/dump.js";
import { type Option, type Verb, verbs, type Word } from "../verbs.js";

/** A verb's options, one with each of its values where these are known: "--backend=ffi". */
export function optionsOf({ options }: Pick<Verb, "options">): readonly string[] {
  return [...optionWords(options), "--help"];
}

/** The options that run a tunnel without a verb. */
export const runOptions = optionsOf(verbs.find(({ name }) => name === "run") ?? { options: [] });

/** The verbs and what else can stand first. */
export const firstWords: readonly string[] = [
  ...verbs.map(({ name }) => name),
  ...runOptions,
  "--version",
];

function optionWords(options: readonly Option[]): readonly string[] {
  return options.flatMap(({ flag, values = [""] }) =>
    flag.split(", ").flatMap((spelling) => {
      const [word = ""] = spelling.match(/^-[\w-]+=?/) ?? [];
      return word.endsWith("=") ? values.map((value) => word + value) : [word];
    }),
  );
}

/**
 * What a kind stands for: words, a command of sh that prints more of them, one a line, and whether files
 * count too. What the command prints was named by others: a script takes it as text, and expands none of it.
 */
export interface Choice {
  readonly words: readonly string[];
  readonly command?: string;
  readonly files?: true;
}

/**
 * Prints the names of the interfaces that are served. Before one that begins with "-" the user has to
 * type "--", so it is left out.
 */
const interfaces = "wg-bridge show interfaces 2>/dev/null | tr ' ' '\\n' | sed '/^-/d'";

/**
 * Prints what wg-quick(8) takes for the name of a configuration, but for a leading "-". ls -q prints a
 * line for each file, also where a name has a line break in it.
 */
const configurations =
  "command ls -q /etc/wireguard 2>/dev/null | sed -n 's/^\\([a-zA-Z0-9_=+.][a-zA-Z0-9_=+.-]\\{0,14\\}\\)\\.conf$/\\1/p'";

export const choices: Readonly<Record<Word, Choice>> = {
  interface: { words: [], command: interfaces },
  shown: { words: ["all", "interfaces"], command: interfaces },
  field: { words: fields },
  setting: { words: settingWords, files: true },
  file: { words: [], files: true },
  configuration: { words: [], command: configurations, files: true },
  shell: { words: ["bash", "zsh", "fish"] },
  verb: { words: verbs.map(({ name }) => name) },
};
