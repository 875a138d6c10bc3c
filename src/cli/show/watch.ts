import { setTimeout as delay } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { destroySecrets } from "../../device/secrets.js";
import { messageOf, WgBridgeError } from "../../errors.js";
import { printable, printableJson } from "../../text/printable.js";
import { isLive } from "../../text/style.js";
import { attach } from "../../tunnel/open.js";
import type { Tunnel } from "../../tunnel/tunnel.js";
import { wantsColor } from "../color.js";
import { say } from "../say.js";
import { toJson } from "./json.js";
import { formatLive } from "./live.js";
import { RateHistory } from "./rates.js";
import { PatientAsker } from "./read.js";
import { Screen } from "./screen.js";

interface WatchOptions {
  /** Seconds, as text. */
  readonly interval: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Prints JSON, with or without keys. */
  readonly json?: { readonly showKeys: boolean } | undefined;
}

/**
 * Shows interfaces live. Returns 0 after q, Ctrl-C or a signal, and throws once one of them ends. An output
 * that is not a terminal, or that does not understand escape sequences, gets one view after another.
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
  const unreachable: string[] = [];
  try {
    for (const name of names) {
      try {
        tunnels.push(await attach(name, { resolve: false }));
      } catch (error) {
        if (names.length === 1) throw error;
        unreachable.push(printable(`${name}: ${messageOf(error)}`));
      }
    }
    return await watchTunnels(tunnels, unreachable, milliseconds, options);
  } finally {
    await Promise.all(tunnels.map((tunnel) => tunnel.close()));
  }
}

/** Asks every tunnel once, and returns what to write. */
type Look = (asker: PatientAsker) => Promise<readonly string[]>;

async function watchTunnels(
  tunnels: readonly Tunnel[],
  unreachable: readonly string[],
  milliseconds: number,
  { json, env }: WatchOptions,
): Promise<number> {
  const live = json === undefined && isLive(process.stdout, env);
  using screen = new Screen(process.stdout, process.stdin, live);
  if (json) unreachable.forEach(say);
  const look = json ? lookForPrograms(tunnels, json) : lookForPeople(tunnels, unreachable, env);
  const show = json ? writeLines : (lines: readonly string[]) => screen.draw(lines);
  const stop = new AbortController();
  const asker = new PatientAsker(stop.signal);
  const lost = Promise.race(tunnels.map((tunnel) => tunnel.closed)).then(({ message }) => message);
  const quit = screen.quit.then(() => undefined);
  const step = async () => {
    const lines = await look(asker);
    stop.signal.throwIfAborted();
    show(lines);
    await delay(milliseconds, undefined, { signal: stop.signal });
    return "next" as const;
  };
  try {
    for (;;) {
      const next = step();
      next.catch(() => {}); // if it loses the race, it is aborted below
      const end = await Promise.race([next, quit, lost]);
      if (end === "next") continue;
      if (end !== undefined) throw new WgBridgeError("WG_BRIDGE_LOST", end);
      return 0;
    }
  } finally {
    stop.abort();
  }
}

/**
 * Writes one line at a time: the document that `show --json` prints. Standard error names an interface that
 * does not answer, and the document leaves it out.
 */
function lookForPrograms(
  tunnels: readonly Tunnel[],
  { showKeys }: { readonly showKeys: boolean },
): Look {
  return async (asker) => {
    const shown = await Promise.all(
      tunnels.map(async (tunnel) => {
        try {
          return { name: tunnel.name, status: await asker.status(tunnel) };
        } catch (error) {
          say(messageOf(error));
          return undefined;
        }
      }),
    );
    const answered = shown.filter((one) => one !== undefined);
    const document = printableJson(toJson(answered, showKeys), "line");
    for (const { status } of answered) destroySecrets(status);
    return [document];
  };
}

function writeLines(lines: readonly string[]): void {
  process.stdout.write(lines.join(""));
}

function lookForPeople(
  tunnels: readonly Tunnel[],
  unreachable: readonly string[],
  env: NodeJS.ProcessEnv,
): Look {
  const colored = wantsColor(process.stdout.isTTY, env);
  const rates = new Map(tunnels.map(({ name }) => [name, new RateHistory()]));
  return async (asker) => {
    const lines = [...(await linesOf(tunnels, asker, rates)), ...unreachable];
    return colored ? lines : lines.map(stripVTControlCharacters);
  };
}

async function linesOf(
  tunnels: readonly Tunnel[],
  asker: PatientAsker,
  rates: ReadonlyMap<string, RateHistory>,
): Promise<string[]> {
  const views = await Promise.all(
    tunnels.map(async (tunnel) => {
      const history = rates.get(tunnel.name) ?? new RateHistory();
      try {
        const status = await asker.status(tunnel);
        destroySecrets(status);
        const now = Date.now();
        history.add(status, now);
        return formatLive({ name: tunnel.name, status }, history, now);
      } catch (error) {
        return [printable(`${tunnel.name}: ${messageOf(error)}`)];
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
    `--interval=${text} is not valid: give seconds from 0.1 to 99999.`,
  );
}
