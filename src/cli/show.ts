import { WgBridgeError } from "../errors.js";
import { interfaces } from "../tunnel/open.js";
import { wantsColor, withoutColor } from "./color.js";
import { fields, formatField } from "./show/dump.js";
import { toJson } from "./show/json.js";
import { formatPretty } from "./show/pretty.js";
import { readShown } from "./show/read.js";
import type { Shown } from "./show/text.js";
import { readWords } from "./words.js";

/** `wg-bridge show`: words and output are wg(8)'s. */
export async function showCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = readWords("show", args, {
    json: { type: "boolean" },
    "show-keys": { type: "boolean" },
    watch: { type: "boolean" },
    interval: { type: "string" },
  });
  const [what = "all", asked, ...rest] = positionals;
  const field = asked === undefined ? undefined : fields.find((known) => known === asked);
  if (rest.length > 0 || (asked !== undefined && field === undefined)) throw wordError();
  if (what === "interfaces") return printInterfaces(asked);
  const names = what === "all" ? await interfaces() : [what];
  if (values.watch) {
    const { watch } = await import("./show/watch.js");
    return watch(names, { interval: values.interval, env });
  }
  const shown: Shown[] = [];
  for (const name of names) shown.push(await readShown(name));
  if (values.json) {
    const json = toJson(shown, values["show-keys"] ?? false);
    process.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
  } else if (field !== undefined) {
    const text = shown.map((one) => formatField(one, field, what === "all"));
    process.stdout.write(text.join(""));
  } else {
    process.stdout.write(prettyText(shown, env));
  }
  return 0;
}

function prettyText(shown: readonly Shown[], env: NodeJS.ProcessEnv): string {
  const now = Math.floor(Date.now() / 1000);
  const showKeys = env.WG_HIDE_KEYS === "never";
  const text = shown.map((one) => formatPretty(one, { now, showKeys })).join("\n");
  return wantsColor(process.stdout.isTTY, env) ? text : withoutColor(text);
}

async function printInterfaces(extra: string | undefined): Promise<number> {
  if (extra !== undefined) throw wordError();
  const names = await interfaces();
  if (names.length > 0) process.stdout.write(`${names.join(" ")}\n`);
  return 0;
}

function wordError(): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `show takes an interface, "all" or "interfaces", and then one of ${fields.join(", ")}.`,
  );
}
