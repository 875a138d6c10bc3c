import { destroySecrets } from "../device/secrets.js";
import { hasCode, messageOf } from "../errors.js";
import { printableLines } from "../text/printable.js";
import { listServedInterfaces } from "../tunnel/open.js";
import { backendOf, serversOf } from "../uapi/server.js";
import { argumentError, readArguments } from "./arguments.js";
import { formatMetrics } from "./metrics/format.js";
import { friendlyLabels, type PeerLabels } from "./metrics/friendly-labels.js";
import { readConfig } from "./read-config.js";
import { say } from "./say.js";
import { isGone, readEach, type Unread } from "./show/read.js";

/** `wg-bridge metrics [--listen [ADDRESS:PORT] [--host=NAME]...] [--names=FILE]... [INTERFACE...]`. */
export async function metricsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments("metrics", joinListen(args));
  const hosts = values.host ?? [];
  if (hosts.length > 0 && values.listen === undefined) {
    throw argumentError("metrics", "--host needs --listen");
  }
  if (!hosts.every((host) => /^[\w.-]+$/.test(host))) {
    throw argumentError(
      "metrics",
      "The value of --host must be a name such as metrics.example.org, without a port",
    );
  }
  const names = new Map<string, PeerLabels>();
  for (const file of values.names ?? []) {
    for (const [key, labels] of friendlyLabels(await readConfig(file))) names.set(key, labels);
  }
  if (values.listen === undefined) {
    const { text, unread } = await collectMetrics(positionals, names);
    process.stdout.write(process.stdout.isTTY ? printableLines(text) : text);
    for (const { error } of unread) say(messageOf(error));
    return unread.length === 0 ? 0 : 1;
  }
  const { serveMetrics } = await import("./metrics/server.js");
  return serveMetrics(
    values.listen,
    hosts,
    async () => (await collectMetrics(positionals, names)).text,
  );
}

/** Where prometheus_wireguard_exporter listens too, but on loopback only. */
const defaultListen = "127.0.0.1:9586";

/**
 * Joins --listen and the address that may follow it as a word of its own, or gives it the default. The name
 * of an interface never has a colon.
 */
export function joinListen(args: readonly string[]): string[] {
  const [first, second, ...rest] = args;
  if (first === undefined || first === "--") return [...args];
  if (first !== "--listen") return [first, ...joinListen(args.slice(1))];
  return second?.includes(":")
    ? [`--listen=${second}`, ...joinListen(rest)]
    : [`--listen=${defaultListen}`, ...joinListen(args.slice(1))];
}

/**
 * Collects the metrics of the named interfaces, or of all. An interface that does not answer counts as down.
 * One that nobody named is left out if it ends meanwhile.
 * @throws WgBridgeError WG_BRIDGE_PERMISSION if an interface may not be asked: then nothing is known of it
 */
async function collectMetrics(
  named: readonly string[],
  friendly: ReadonlyMap<string, PeerLabels>,
): Promise<{ readonly text: string; readonly unread: readonly Unread[] }> {
  const names = named.length > 0 ? named : await listServedInterfaces();
  // First: it blocks for a while, during which no answer could be read.
  const servers = serversOf(names);
  const readings = (await readEach(names)).filter(
    (reading) => "status" in reading || named.length > 0 || !isGone(reading),
  );
  for (const reading of readings) if ("status" in reading) destroySecrets(reading.status);
  const unread = readings.filter((reading) => "error" in reading);
  const denied = unread.find(isDenied);
  if (denied !== undefined) throw denied.error;
  const measured = readings.map((reading) => {
    const server = servers.get(reading.name);
    return { ...reading, backend: server === undefined ? "unknown" : backendOf(server.program) };
  });
  return { text: formatMetrics(measured, friendly, Date.now()), unread };
}

function isDenied({ error }: Unread): boolean {
  return hasCode(error, "WG_BRIDGE_PERMISSION");
}
