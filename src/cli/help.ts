import { findVerb, type Verb, verbs } from "./verbs.js";
import { readWords, wordsError } from "./words.js";

/** All usage lines, in the form of wireguard-go's. */
export function usageText(): string {
  return formatUsage([...verbs.flatMap(({ usage }) => usage), "--version"]);
}

/** What `wg-bridge --help` prints. */
export function helpText(): string {
  const list = columns(verbs.map(({ name, summary }) => [name, summary]));
  return `${usageText()}
${list}
wg-bridge help VERB, or wg-bridge VERB --help, tells its options. An interface called like a verb,
or nearly, needs "run" before it. wg-bridge(1) tells the rest.
`;
}

/** What `wg-bridge VERB --help` prints. */
export function verbHelpText({ usage, summary, options }: Verb): string {
  const list = columns(options.map(({ flag, effect }) => [flag, effect]));
  const sentence = `${summary[0]?.toUpperCase()}${summary.slice(1)}.\n`;
  return `${formatUsage(usage)}\n${sentence}${list === "" ? "" : `\n${list}`}`;
}

/** `wg-bridge help [VERB]`. */
export async function helpCommand(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const [name, ...rest] = readWords("help", args, {}).positionals;
  const verb = name === undefined ? undefined : findVerb(name);
  if (rest.length > 0) throw wordsError("help", "It takes one verb");
  if (name !== undefined && verb === undefined)
    throw wordsError("help", `There is no verb ${name}`);
  if (verb?.ownHelp) {
    const { doctorCommand } = await import("../doctor/command.js");
    return doctorCommand(["--help"], env);
  }
  process.stdout.write(verb === undefined ? helpText() : verbHelpText(verb));
  return 0;
}

function formatUsage(lines: readonly string[]): string {
  return `Usage: ${lines.map((line) => `wg-bridge ${line}`).join("\n       ")}\n`;
}

/** Two columns, indented. */
function columns(rows: readonly (readonly [first: string, second: string])[]): string {
  const width = Math.max(0, ...rows.map(([first]) => first.length));
  return rows.map(([first, second]) => `  ${first.padEnd(width)}  ${second}\n`).join("");
}
