import { redact } from "../text/redact.js";
import { nearVerb } from "./near-verb.js";

/** The verbs whose code is in a file of their own. */
export const verbNames = [
  "show",
  "showconf",
  "set",
  "setconf",
  "addconf",
  "syncconf",
  "up",
  "down",
  "save",
  "strip",
  "genkey",
  "genpsk",
  "pubkey",
  "check",
  "metrics",
  "completion",
  "doctor",
  "help",
] as const;

/** What a command line asks for. */
export type Command =
  | { readonly verb: "usage" }
  | { readonly verb: "version" }
  | { readonly verb: "mistake"; readonly message: string }
  | { readonly verb: (typeof verbNames)[number]; readonly args: readonly string[] }
  | RunCommand;

/** Run a tunnel. */
export interface RunCommand {
  readonly verb: "run";
  readonly foreground: boolean;
  /** The text after --backend=, where it was given. */
  readonly backend?: string;
  readonly name: string;
}

/**
 * Reads a command line. Like wireguard-go it answers a wrong number of names with the usage; options
 * may stand on either side of the name, and "--" ends them. Unlike wireguard-go it takes no name without
 * "run" or an option before it that is most likely a verb with a mistake. Source: main.go of wireguard-go.
 */
export function parseArguments(args: readonly string[]): Command {
  const [first, ...rest] = args;
  const verb = verbNames.find((name) => name === first);
  if (verb !== undefined) return parseVerb(verb, rest);
  switch (first) {
    case "run":
      return asksForHelp(rest) ? { verb: "help", args: ["run"] } : parseRun(rest);
    case "--version":
      return rest.length === 0 ? { verb: "version" } : { verb: "usage" };
    case "-h":
    case "--help":
      return { verb: "help", args: [] };
    default: {
      const meant = verbMeantBy(first ?? "");
      return meant === undefined
        ? parseRun(args)
        : { verb: "mistake", message: doubt(first, meant) };
    }
  }
}

/** What other programs call these verbs. */
const otherWords: ReadonlyMap<string, string> = new Map([
  ["status", "show"],
  ["list", "show"],
  ["start", "up"],
  ["stop", "down"],
]);

/**
 * Returns the verb that a word is, or is most likely meant to be. An interface of such a name needs "run"
 * before it.
 */
export function verbMeantBy(word: string): string | undefined {
  return otherWords.get(word) ?? nearVerb(word, ["run", ...verbNames, "version"]);
}

/** An interface of that name would be made, and nobody would see why. */
function doubt(word: string | undefined, meant: string): string {
  const call = meant === "version" ? "--version" : meant;
  return `There is no verb ${word}. If you mean ${meant}: wg-bridge ${call}. For an interface of that name: wg-bridge run ${word}.`;
}

function parseVerb(verb: (typeof verbNames)[number], args: readonly string[]): Command {
  return asksForHelp(args) ? { verb: "help", args: [verb] } : { verb, args };
}

/** What stands after "--" is no option. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end === -1 ? args : args.slice(0, end)).some(isHelp);
}

function isHelp(argument: string): boolean {
  return argument === "-h" || argument === "--help";
}

function parseRun(args: readonly string[]): Command {
  const names: string[] = [];
  let foreground = false;
  let backend: string | undefined;
  for (const [index, argument] of args.entries()) {
    if (argument === "--") {
      names.push(...args.slice(index + 1));
      break;
    }
    if (isHelp(argument)) return { verb: "usage" };
    if (argument === "-f" || argument === "--foreground") {
      foreground = true;
    } else if (argument.startsWith("--backend=")) {
      backend = argument.slice("--backend=".length);
    } else if (argument.startsWith("-")) {
      return { verb: "mistake", message: mistake(argument) };
    } else {
      names.push(argument);
    }
  }
  const [name] = names;
  if (name === undefined || names.length > 1) return { verb: "usage" };
  return { verb: "run", foreground, name, ...(backend === undefined ? {} : { backend }) };
}

function mistake(argument: string): string {
  if (argument === "--backend") {
    return "--backend takes its value after an equals sign: --backend=auto, --backend=ffi or --backend=exec.";
  }
  return `There is no option ${redact(argument)}: see wg-bridge --help. Put "--" before an interface name that begins with "-".`;
}
