import { WgBridgeError } from "../errors.js";
import { interfaces } from "../tunnel/open.js";
import { backendOf, serverOf } from "../uapi/server.js";
import { formatMetrics, type Measured } from "./metrics/format.js";
import { friendlyLabels, type PeerLabels } from "./metrics/friendly-labels.js";
import { joinListen } from "./metrics/listen.js";
import { readShown } from "./show/read.js";
import { readConfig } from "./syncconf.js";
import { readWords } from "./words.js";

/** `wg-bridge metrics [--listen [ADDRESS:PORT]] [--names=FILE]... [INTERFACE...]`. */
export async function metricsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = readWords("metrics", joinListen(args), {
    listen: { type: "string" },
    names: { type: "string", multiple: true },
  });
  const names = new Map<string, PeerLabels>();
  for (const file of values.names ?? []) {
    for (const [key, labels] of friendlyLabels(await readConfig(file))) names.set(key, labels);
  }
  const collect = () => collectMetrics(positionals, names);
  if (values.listen === undefined) {
    process.stdout.write(await collect());
    return 0;
  }
  const { serveMetrics } = await import("./metrics/server.js");
  return serveMetrics(values.listen, collect);
}

/** The metrics of these interfaces, or of all that there are. One that ends meanwhile is left out. */
async function collectMetrics(
  asked: readonly string[],
  friendly: ReadonlyMap<string, PeerLabels>,
): Promise<string> {
  const required = asked.length > 0;
  const names = required ? asked : await interfaces();
  const measured = await Promise.all(names.map((name) => measure(name, required)));
  const there = measured.filter((one) => one !== undefined);
  return formatMetrics(there, friendly, Date.now());
}

async function measure(name: string, required: boolean): Promise<Measured | undefined> {
  try {
    const server = serverOf(name);
    const backend = server === undefined ? "unknown" : backendOf(server.program);
    return { ...(await readShown(name)), backend };
  } catch (error) {
    const gone = error instanceof WgBridgeError && goneCodes.includes(error.code);
    if (gone && !required) return undefined;
    throw error;
  }
}

const goneCodes: readonly string[] = ["WG_BRIDGE_CLOSED", "WG_BRIDGE_LOST"];
