import { stripVTControlCharacters } from "node:util";
import { messageOf, WgBridgeError } from "../errors.js";
import { printableJson, printableLines } from "../text/printable.js";
import { listServedInterfaces } from "../tunnel/open.js";
import { readArguments } from "./arguments.js";
import { wantsColor } from "./color.js";
import { say } from "./say.js";
import { fields, formatField } from "./show/dump.js";
import { toJson } from "./show/json.js";
import { formatPretty } from "./show/pretty.js";
import { isGone, readCipherOf, readEach, readShown, type Unread } from "./show/read.js";
import type { Shown } from "./show/text.js";

/** `wg-bridge show`: operands and output are wg(8)'s. */
export async function showCommand(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const { values, positionals } = readArguments("show", args);
  const [what = "all", asked, ...rest] = positionals;
  const field = asked === undefined ? undefined : fields.find((known) => known === asked);
  if (rest.length > 0 || (asked !== undefined && field === undefined)) throw operandError();
  if (what === "interfaces") return printInterfaces(asked);
  const names = what === "all" ? await listServedInterfaces() : [what];
  if (values.watch) {
    const { watch } = await import("./show/watch.js");
    const json = values.json ? { showKeys: values["show-keys"] ?? false } : undefined;
    return watch(names, { interval: values.interval, env, json });
  }
  const { shown, unread } = what === "all" ? await readAll(names) : await readOne(what);
  if (values.json) {
    const whole = await Promise.all(
      shown.map(async (one) => ({ ...one, cipher: await readCipherOf(one.name) })),
    );
    process.stdout.write(printableJson(toJson(whole, values["show-keys"] ?? false)));
  } else if (field !== undefined) {
    const text = shown.map((one) => formatField(one, field, what === "all"));
    process.stdout.write(forOutput(text.join("")));
  } else {
    process.stdout.write(prettyText(shown, env));
  }
  for (const { error } of unread) say(messageOf(error));
  return unread.length === 0 ? 0 : 1;
}

interface Readings {
  readonly shown: readonly Shown[];
  readonly unread: readonly Unread[];
}

async function readOne(name: string): Promise<Readings> {
  return { shown: [await readShown(name)], unread: [] };
}

/** Reads what answers, and leaves out what has ended meanwhile. */
async function readAll(names: readonly string[]): Promise<Readings> {
  const readings = await readEach(names);
  return {
    shown: readings.filter((reading) => "status" in reading),
    unread: readings.filter((reading) => "error" in reading).filter((one) => !isGone(one)),
  };
}

function prettyText(shown: readonly Shown[], env: NodeJS.ProcessEnv): string {
  const now = Math.floor(Date.now() / 1000);
  const showKeys = env.WG_HIDE_KEYS === "never";
  const text = shown.map((one) => formatPretty(one, { now, showKeys })).join("\n");
  return wantsColor(process.stdout.isTTY, env) ? text : stripVTControlCharacters(text);
}

async function printInterfaces(extra: string | undefined): Promise<number> {
  if (extra !== undefined) throw operandError();
  const names = await listServedInterfaces();
  if (names.length > 0) process.stdout.write(forOutput(`${names.join(" ")}\n`));
  return 0;
}

/** Programs get names unchanged, as from wg(8). A terminal gets them without control characters. */
function forOutput(text: string): string {
  return process.stdout.isTTY ? text.split("\t").map(printableLines).join("\t") : text;
}

function operandError(): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `Give show an interface, "all" or "interfaces", and then one of ${fields.join(", ")}.`,
  );
}
