import { parseArgs } from "node:util";
import { WgBridgeError } from "../errors.js";
import { interfaces } from "../tunnel/open.js";
import { backendOf, serverOf } from "../uapi/server.js";
import { formatMetrics, type Measured } from "./metrics/format.js";
import { readShown } from "./show/read.js";

/** `wg-bridge metrics [--listen[=ADDRESS:PORT]] [INTERFACE...]`. */
export async function metricsCommand(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    // An option without a value, which parseArgs does not know.
    args: args.map((word) => (word === "--listen" ? "--listen=127.0.0.1:9586" : word)),
    options: { listen: { type: "string" } },
    allowPositionals: true,
  });
  const collect = () => collectMetrics(positionals);
  if (values.listen === undefined) {
    process.stdout.write(await collect());
    return 0;
  }
  const { serveMetrics } = await import("./metrics/server.js");
  return serveMetrics(values.listen, collect);
}

/** The metrics of these interfaces, or of all that there are. One that ends meanwhile is left out. */
async function collectMetrics(names: readonly string[]): Promise<string> {
  const asked = names.length > 0 ? names : await interfaces();
  const measured = await Promise.all(asked.map((name) => measure(name, names.length > 0)));
  return formatMetrics(
    measured.filter((one) => one !== undefined),
    Date.now(),
  );
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
