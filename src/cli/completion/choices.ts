import { type Command, commandList, commands, type Kind } from "../commands.js";
import { fields } from "../show/dump.js";

/** A command's options, one with each of its values if they can be listed: "--backend=ffi". */
export function optionsOf({ options }: Pick<Command, "options">): readonly string[] {
  const words = Object.entries(options).flatMap(([name, { short, value, values }]) => {
    const long = `--${name}${values !== undefined || value?.startsWith("=") ? "=" : ""}`;
    return [
      ...(short === undefined ? [] : [`-${short}`]),
      ...(values ?? [""]).map((one) => long + one),
    ];
  });
  return [...words, "--help"];
}

/** The options that run a tunnel without a command. */
export const runOptions = optionsOf(commands.run);

/** The commands, and what else can stand first. */
export const firstWords: readonly string[] = [
  ...commandList.map(({ name }) => name),
  ...runOptions,
  "--version",
];

/**
 * What an operand of some kind can be: words, further words, one a line, that a command of sh prints, and
 * files. Others chose what the command prints: a script must never expand it.
 */
export interface Choice {
  readonly words: readonly string[];
  readonly command?: string;
  readonly files?: true;
}

/** Prints the names of interfaces, except names that begin with "-", which need "--" before them. */
const interfaces = "wg-bridge show interfaces 2>/dev/null | tr ' ' '\\n' | sed '/^-/d'";

/**
 * Prints the names of configurations that wg-quick(8) accepts and that do not begin with "-". ls -q prints
 * one line for each file, even if its name has a line break.
 */
const configurations =
  "command ls -q /etc/wireguard 2>/dev/null | sed -n 's/^\\([a-zA-Z0-9_=+.][a-zA-Z0-9_=+.-]\\{0,14\\}\\)\\.conf$/\\1/p'";

/** The words of `set`, from its usage. */
const settingWords = new Set(commands.set.operands.join(" ").match(/[a-z][a-z-]+/g));

export const choices: Readonly<Record<Kind, Choice>> = {
  interface: { words: [], command: interfaces },
  shown: { words: ["all", "interfaces"], command: interfaces },
  field: { words: fields },
  setting: { words: [...settingWords], files: true },
  file: { words: [], files: true },
  configuration: { words: [], command: configurations, files: true },
  shell: { words: ["bash", "zsh", "fish"] },
  command: { words: commandList.map(({ name }) => name) },
};
