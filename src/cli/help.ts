import { findVerb, type Verb, verbs } from "./verbs.js";

/** All usage lines, in the form of wireguard-go's. */
export function usageText(): string {
  const lines = [...verbs.flatMap(({ usage }) => usage), "--version"];
  return `Usage: ${lines.map((line) => `wg-bridge ${line}`).join("\n       ")}\n`;
}

/** What `wg-bridge --help` prints. */
export function helpText(): string {
  const width = Math.max(...verbs.map(({ name }) => name.length));
  const list = verbs.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `${usageText()}\n${list.join("\n")}\n\nwg-bridge help VERB tells its options. An interface called like a verb needs "run" before it.\n`;
}

/** What `wg-bridge VERB --help` prints. */
export function verbHelpText({ usage, summary, options }: Verb): string {
  const lines = usage.map((line) => `wg-bridge ${line}`).join("\n       ");
  const width = Math.max(0, ...options.map(({ flag }) => flag.length));
  const list = options.map(({ flag, effect }) => `  ${flag.padEnd(width)}  ${effect}\n`);
  return `Usage: ${lines}\n\n${summary[0]?.toUpperCase()}${summary.slice(1)}.\n${list.length === 0 ? "" : "\n"}${list.join("")}`;
}

/** `wg-bridge help [VERB]`. */
export async function helpCommand(args: readonly string[]): Promise<number> {
  const [name] = args;
  const verb = name === undefined ? undefined : findVerb(name);
  if (name !== undefined && verb === undefined) {
    process.stderr.write(`wg-bridge: There is no verb ${name}: see wg-bridge --help.\n`);
    return 1;
  }
  process.stdout.write(verb === undefined ? helpText() : verbHelpText(verb));
  return 0;
}
