import { parseArgs } from "node:util";
import { messageOf, WgBridgeError } from "../errors.js";
import { editDistance } from "../text/edit-distance.js";
import { redact } from "../text/redact.js";
import { type CommandName, commandList, commands, isCommandName } from "./commands.js";

/** What a command line asks for. */
export type Request =
  | { readonly command: "usage" }
  | { readonly command: "version" }
  | { readonly command: Exclude<CommandName, "run">; readonly args: readonly string[] }
  | RunCommand;

/** Run a tunnel. */
export interface RunCommand {
  readonly command: "run";
  readonly foreground: boolean;
  /** The text after --backend=, if given. */
  readonly backend?: string;
  readonly name: string;
}

/**
 * Reads a command line. Like wireguard-go, it answers a wrong number of names with the usage. Options may
 * stand on either side of the name, and "--" ends them. Unlike wireguard-go, it refuses a name that is
 * probably a misspelt command, unless "run" or an option precedes it. Source: main.go of wireguard-go.
 * @throws WgBridgeError WG_BRIDGE_VALUE
 */
export function parseCommandLine(args: readonly string[]): Request {
  const [first = "", ...rest] = args;
  if (isCommandName(first)) {
    if (asksForHelp(rest)) return { command: "help", args: [first] };
    return first === "run" ? parseRun(rest) : { command: first, args: rest };
  }
  switch (first) {
    case "--version":
      return { command: rest.length === 0 ? "version" : "usage" };
    case "-h":
    case "--help":
      return { command: "help", args: [] };
    default:
      refuseMisspeltCommand(first);
      return parseRun(args);
  }
}

function parseRun(args: readonly string[]): Request {
  if (asksForHelp(args)) return { command: "usage" };
  const options = beforeTerminator(args);
  if (options.includes("--backend")) {
    throw argumentError("run", "The value of --backend must follow an equals sign: --backend=auto");
  }
  if (options.includes("-")) throw argumentError("run", "Unknown option '-'");
  const { values, positionals } = readArguments("run", args);
  const [name, ...rest] = positionals;
  if (name === undefined || rest.length > 0) return { command: "usage" };
  return { command: "run", foreground: false, ...values, name };
}

/** What stands in for words that are not commands, though people try them. */
const otherWords: ReadonlyMap<string, string> = new Map([
  ["status", "wg-bridge show"],
  ["list", "wg-bridge show"],
  ["start", "wg-bridge up"],
  ["stop", "wg-bridge down"],
  ["compare", "npm run compare, in a checkout"],
  ["bench", "npm run bench, in a checkout"],
]);

/**
 * Returns the command line that a word probably stands for, if any: one of a command or of "version". The
 * word is that command, its first letters (at least three), or differs from it by one letter that is wrong,
 * missing, superfluous or swapped with its neighbour (if the command has at least four). A word with a
 * digit is the name of an interface.
 */
export function meaningOf(word: string): string | undefined {
  const lower = word.toLowerCase();
  const other = otherWords.get(lower);
  if (other !== undefined || !/^[a-z]+$/.test(lower)) return other;
  const names = [...commandList.map(({ name }) => name), "version"];
  const name =
    names.find((name) => name === lower) ??
    names.find((name) => lower.length >= 3 && name.startsWith(lower)) ??
    names.find((name) => name.length >= 4 && editDistance(lower, name) === 1);
  return name && `wg-bridge ${name === "version" ? "--version" : name}`;
}

/** Otherwise an interface of that name would appear, and nobody would see why. */
function refuseMisspeltCommand(word: string): void {
  const meaning = meaningOf(word);
  if (meaning === undefined) return;
  throw new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `There is no command ${word}: did you mean ${meaning}? For an interface of that name: wg-bridge run ${word}.`,
  );
}

/** What follows "--" is not an option. */
function beforeTerminator(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  return end === -1 ? args : args.slice(0, end);
}

function asksForHelp(args: readonly string[]): boolean {
  return beforeTerminator(args).some((argument) => argument === "-h" || argument === "--help");
}

type Parsed<Name extends CommandName> = ReturnType<
  typeof parseArgs<{ options: (typeof commands)[Name]["options"]; allowPositionals: true }>
>;

/**
 * Reads the arguments of a command: its options anywhere, and "--" before an operand that begins with "-".
 * @throws WgBridgeError WG_BRIDGE_VALUE
 */
export function readArguments<Name extends CommandName>(
  name: Name,
  args: readonly string[],
): Parsed<Name> {
  const { options }: { options: (typeof commands)[Name]["options"] } = commands[name];
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (cause) {
    // Node.js adds a sentence about positional arguments.
    const [sentence = ""] = messageOf(cause).split(". ");
    const hint = sentence.startsWith("Unknown option")
      ? '; put "--" before an argument that begins with "-"'
      : "";
    throw argumentError(name, sentence.replace(/\.$/, "") + hint);
  }
}

/** What is wrong with a command's arguments, and where to look. */
export function argumentError(name: CommandName, problem: string): WgBridgeError {
  return new WgBridgeError("WG_BRIDGE_VALUE", `${redact(problem)}: see wg-bridge ${name} --help.`);
}
