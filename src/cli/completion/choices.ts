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

/** The words that a kind stands for, a command of sh that prints more of them, and whether files do too. */
export interface Choice {
  readonly words: readonly string[];
  readonly command?: string;
  readonly files?: true;
}

/** Prints the names of the interfaces that are served. */
const interfaces = "wg-bridge show interfaces 2>/dev/null";

export const choices: Readonly<Record<Word, Choice>> = {
  interface: { words: [], command: interfaces },
  shown: { words: ["all", "interfaces"], command: interfaces },
  field: { words: fields },
  file: { words: [], files: true },
  configuration: {
    words: [],
    command: "ls /etc/wireguard 2>/dev/null | sed -n 's/\\.conf$//p'",
    files: true,
  },
  shell: { words: ["bash", "zsh", "fish"] },
  verb: { words: verbs.map(({ name }) => name) },
};
