import { setTimeout as delay } from "node:timers/promises";
import { messageOf, WgBridgeError } from "../../errors.js";
import { attach } from "../../tunnel/open.js";
import type { Tunnel } from "../../tunnel/tunnel.js";
import { wantsColor, withoutColor } from "../color.js";
import { formatLive } from "./live.js";
import { PatientAsker } from "./patience.js";
import { RateHistory } from "./rates.js";
import { Screen } from "./screen.js";

interface WatchOptions {
  /** Seconds, as text. */
  readonly interval: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Shows interfaces live, until q, Ctrl-C or SIGTERM, which end it well, or until one of them ends. What
 * is no terminal gets the same lines, one look after another.
 */
export async function watch(names: readonly string[], options: WatchOptions): Promise<number> {
  const milliseconds = parseInterval(options.interval);
  if (names.length === 0) {
    throw new WgBridgeError(
      "WG_BRIDGE_CLOSED",
      "There is no interface to watch: no WireGuard program serves one.",
    );
  }
  const tunnels: Tunnel[] = [];
  const refused: string[] = [];
  try {
    for (const name of names) {
      try {
        tunnels.push(await attach(name, { resolve: false }));
      } catch (error) {
        if (names.length === 1) throw error;
        refused.push(`${name}: ${messageOf(error)}`);
      }
    }
    return await watchTunnels(tunnels, refused, milliseconds, options.env);
  } finally {
    await Promise.all(tunnels.map((tunnel) => tunnel.close()));
  }
}

async function watchTunnels(
  tunnels: readonly Tunnel[],
  refused: readonly string[],
  milliseconds: number,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const colored = wantsColor(process.stdout.isTTY, env);
  const rates = new Map(tunnels.map(({ name }) => [name, new RateHistory()]));
  using screen = new Screen(process.stdout, process.stdin);
  const stop = new AbortController();
  const asker = new PatientAsker(stop.signal);
  const lost = Promise.race(tunnels.map((tunnel) => tunnel.closed)).then(({ message }) => message);
  const quit = screen.quit.then(() => undefined);
  const step = async () => {
    const lines = [...(await look(tunnels, asker, rates)), ...refused];
    stop.signal.throwIfAborted();
    screen.draw(colored ? lines : lines.map(withoutColor));
    await delay(milliseconds, undefined, { signal: stop.signal });
    return "next" as const;
  };
  try {
    for (;;) {
      const next = step();
      next.catch(() => {}); // given up below
      const end = await Promise.race([next, quit, lost]);
      if (end === "next") continue;
      if (end !== undefined) throw new WgBridgeError("WG_BRIDGE_LOST", end);
      return 0;
    }
  } finally {
    stop.abort();
  }
}

async function look(
  tunnels: readonly Tunnel[],
  asker: PatientAsker,
  rates: ReadonlyMap<string, RateHistory>,
): Promise<string[]> {
  const views = await Promise.all(
    tunnels.map(async (tunnel) => {
      const history = rates.get(tunnel.name) ?? new RateHistory();
      try {
        const status = await asker.status(tunnel);
        const now = Date.now();
        history.add(status, now);
        return formatLive({ name: tunnel.name, status }, history, now);
      } catch (error) {
        return [`${tunnel.name}: ${messageOf(error)}`];
      }
    }),
  );
  return views.flatMap((lines, index) => (index === 0 ? lines : ["", ...lines]));
}

function parseInterval(text = "1"): number {
  const seconds = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds >= 0.1) return seconds * 1000;
  throw new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `--interval=${text} is no interval: give seconds from 0.1 to 99999.`,
  );
}
