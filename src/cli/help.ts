import { readFileSync } from "node:fs";
import { packageRoot } from "../artifacts.js";
import { argumentError, readArguments } from "./arguments.js";
import { type Command, commandList, type Option } from "./commands.js";

type NamedCommand = Command & { readonly name: string };

/** `wg-bridge help [COMMAND]`. */
export async function helpCommand(args: readonly string[]): Promise<number> {
  const [name, ...rest] = readArguments("help", args).positionals;
  if (rest.length > 0) throw argumentError("help", "Give one command");
  const command = commandList.find((command) => command.name === name);
  if (name !== undefined && command === undefined) {
    throw argumentError("help", `There is no command ${name}`);
  }
  process.stdout.write(command === undefined ? helpText() : commandHelpText(command));
  return 0;
}

/** What `wg-bridge --version` prints: the version in package.json, and the platform. */
export function versionText(): string {
  const { version }: { version: string } = JSON.parse(
    readFileSync(`${packageRoot}/package.json`, "utf8"),
  );
  return `wg-bridge v${version}\n\nUserspace WireGuard for ${process.platform}-${process.arch}.\n`;
}

/** The usage of every command, laid out as wireguard-go's. */
export function usageText(): string {
  return formatUsage([...commandList.flatMap(usageOf), "--version"]);
}

/** What `wg-bridge --help` prints. */
export function helpText(): string {
  const list = formatColumns(commandList.map(({ name, summary }) => [name, summary]));
  return `${usageText()}
${list}
wg-bridge help COMMAND, or wg-bridge COMMAND --help, lists its options. An interface needs "run"
before it if its name is a command or resembles one. See wg-bridge(1) for details.
`;
}

/** What `wg-bridge COMMAND --help` prints. */
export function commandHelpText(command: NamedCommand): string {
  const { summary, details } = command;
  const options = Object.entries(command.options).map(
    ([name, option]) => [spellings(name, option).join(", "), option.effect] as const,
  );
  return [
    formatUsage(usageOf(command)),
    `${summary[0]?.toUpperCase()}${summary.slice(1)}.\n`,
    ...(options.length === 0 ? [] : [formatColumns(options)]),
    ...(details === undefined ? [] : [details]),
  ].join("\n");
}

/** Returns what stands after "wg-bridge", for each form of a command. */
export function usageOf({ name, options, operands }: NamedCommand): readonly string[] {
  const words = [
    name === "run" ? "[run]" : name,
    ...Object.entries(options).map(
      ([name, option]) => `[${spellings(name, option).join("|")}]${option.multiple ? "..." : ""}`,
    ),
  ];
  return operands.map((form) => [...words, form].join(" ").trimEnd());
}

/** Returns an option as it is typed: ["-f", "--foreground"], or ["--interval=SECONDS"]. */
export function spellings(name: string, { short, value, values }: Option): readonly string[] {
  const long = `--${name}${values === undefined ? (value ?? "") : `=${values.join("|")}`}`;
  return short === undefined ? [long] : [`-${short}`, long];
}

function formatUsage(forms: readonly string[]): string {
  const lines = forms.map((form) => wrap(`wg-bridge ${form}`, "\n           "));
  return `Usage: ${lines.join("\n       ")}\n`;
}

/** Breaks a line before the option or operand that would make a line exceed 100 characters with what precedes it. */
function wrap(line: string, lineBreak: string): string {
  return line.replace(/(.{1,89})(?: (?=\[[\w-])|$)/g, `$1${lineBreak}`).trimEnd();
}

/** Two columns, indented. */
function formatColumns(rows: readonly (readonly [first: string, second: string])[]): string {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}\n`).join("");
}
