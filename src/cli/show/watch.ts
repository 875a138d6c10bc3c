import { setTimeout as delay } from "node:timers/promises";
import { stripVTControlCharacters } from "node:util";
import { destroySecrets } from "../../device/secrets.js";
import type { DeviceStatus } from "../../device/status.js";
import { messageOf, WgBridgeError } from "../../errors.js";
import { printable, printableJson } from "../../text/printable.js";
import { isLive } from "../../text/style.js";
import { attach } from "../../tunnel/open.js";
import type { Tunnel } from "../../tunnel/tunnel.js";
import { wantsColor } from "../color.js";
import { say } from "../say.js";
import { parseInterval } from "./interval.js";
import { toJson } from "./json.js";
import { formatLive } from "./live.js";
import { peerCounters, RateHistory } from "./rates.js";
import { type PatientQuestion, readCipherOf, statusQuestion } from "./read.js";
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
type Look = () => Promise<readonly string[]>;

async function watchTunnels(
  tunnels: readonly Tunnel[],
  unreachable: readonly string[],
  milliseconds: number,
  { json, env }: WatchOptions,
): Promise<number> {
  const live = json === undefined && isLive(process.stdout, env);
  using screen = new Screen(process.stdout, process.stdin, live);
  if (json) unreachable.forEach(say);
  const stop = new AbortController();
  const asked = tunnels.map((tunnel) => ({
    name: tunnel.name,
    question: statusQuestion(tunnel, stop.signal),
  }));
  const look = json ? lookForPrograms(asked, json) : lookForPeople(asked, unreachable, env);
  const show = json ? writeLines : (lines: readonly string[]) => screen.draw(lines);
  const lost = Promise.race(tunnels.map((tunnel) => tunnel.closed)).then(({ message }) => {
    throw new WgBridgeError("WG_BRIDGE_LOST", message);
  });
  await lookAgain(look, show, milliseconds, stop, [screen.quit, lost]);
  return 0;
}

/** Looks and shows again and again, until one of `ends` is settled, and settles as it does. Aborts `stop` then. */
export async function lookAgain(
  look: Look,
  show: (lines: readonly string[]) => void,
  milliseconds: number,
  stop: AbortController,
  ends: readonly Promise<void>[],
): Promise<void> {
  const end = Promise.race(ends).then(() => "end" as const);
  end.catch(() => {}); // if a look fails before
  const step = async () => {
    const lines = await look();
    stop.signal.throwIfAborted();
    show(lines);
    await delay(milliseconds, undefined, { signal: stop.signal });
    return "next" as const;
  };
  try {
    for (;;) {
      const next = step();
      next.catch(() => {}); // if it loses the race, it is aborted below
      if ((await Promise.race([next, end])) === "end") return;
    }
  } finally {
    stop.abort();
  }
}

/** A tunnel's name, and the question for its state. */
interface Asked {
  readonly name: string;
  readonly question: PatientQuestion<DeviceStatus>;
}

/** Asks once: most engines log the question as an error. */
function onceForCipher(name: string): () => Promise<string | undefined> {
  let cipher: Promise<string | undefined> | undefined;
  return () => {
    cipher ??= readCipherOf(name);
    return cipher;
  };
}

/**
 * Writes one line at a time: the document that `show --json` prints. Standard error names an interface that
 * does not answer, and the document leaves it out.
 */
function lookForPrograms(
  asked: readonly Asked[],
  { showKeys }: { readonly showKeys: boolean },
): Look {
  const each = asked.map((one) => ({ ...one, cipherOf: onceForCipher(one.name) }));
  return async () => {
    const shown = await Promise.all(
      each.map(async ({ name, question, cipherOf }) => {
        try {
          const status = await question.answer();
          return { name, status, cipher: await cipherOf() };
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
  asked: readonly Asked[],
  unreachable: readonly string[],
  env: NodeJS.ProcessEnv,
): Look {
  const paint = painter(env);
  const views = asked.map((one) => peersView(one.name, one.question));
  return async () => {
    const blocks = await Promise.all(views.map((view) => view()));
    const lines = blocks.flatMap((block, index) => (index === 0 ? block : ["", ...block]));
    return paint([...lines, ...unreachable]);
  };
}

/** Returns a function that takes the colours out of lines, if standard output wants none. */
export function painter(env: NodeJS.ProcessEnv): (lines: readonly string[]) => readonly string[] {
  const colored = wantsColor(process.stdout.isTTY, env);
  return (lines) => (colored ? lines : lines.map(stripVTControlCharacters));
}

/** Returns a look at a tunnel and its peers. */
export function peersView(
  name: string,
  question: PatientQuestion<DeviceStatus>,
): () => Promise<readonly string[]> {
  const history = new RateHistory();
  return async () => {
    try {
      const status = await question.answer();
      destroySecrets(status);
      const now = Date.now();
      history.add(peerCounters(status), now);
      return formatLive({ name, status }, history, now);
    } catch (error) {
      return [printable(`${name}: ${messageOf(error)}`)];
    }
  };
}
