/** What a command line asks for. */
export type Command =
  | { readonly verb: "usage" }
  | { readonly verb: "version" }
  | { readonly verb: "mistake"; readonly message: string }
  | { readonly verb: "compare" | "doctor"; readonly args: readonly string[] }
  | RunCommand;

/** Run a tunnel. */
export interface RunCommand {
  readonly verb: "run";
  readonly foreground: boolean;
  /** The text after --backend=, where it was given. */
  readonly backend?: string;
  readonly name: string;
}

/** The usage, in the words of wireguard-go's. */
export const usage = `Usage: wg-bridge [run] [-f|--foreground] [--backend=auto|ffi|exec] INTERFACE
       wg-bridge compare [--help]
       wg-bridge doctor [--json]
       wg-bridge --version
`;

/**
 * Reads a command line. Like wireguard-go it answers a wrong number of names with the usage; options
 * may stand on either side of the name, and "--" ends them. Source: main.go of wireguard-go.
 */
export function parseArguments(args: readonly string[]): Command {
  const [first, ...rest] = args;
  switch (first) {
    case "compare":
    case "doctor":
      return { verb: first, args: rest };
    case "run":
      return parseRun(rest);
    case "--version":
      return rest.length === 0 ? { verb: "version" } : { verb: "usage" };
    default:
      return parseRun(args);
  }
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
    if (argument === "-h" || argument === "--help") return { verb: "usage" };
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
  return `There is no option ${argument}: see wg-bridge --help. Put "--" before an interface name that begins with "-".`;
}
