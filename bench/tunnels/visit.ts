import { type Leg, legs } from "./figures.js";
import { entriesAt, numberAt, textAt, textsAt } from "./json.js";
import type { TunnelProgram } from "./programs.js";

/** What one program is asked for in one round. */
export interface Visit extends TunnelProgram {
  /** The command of a Node program that holds the same tunnel, for the leg "event-loop". */
  readonly host: readonly string[] | null;
  /** How long iperf3 and ping run each time. */
  readonly seconds: number;
  readonly legs: readonly Leg[];
}

/** What the probe prints, a line each. */
export type Finding =
  | { readonly kind: "doing"; readonly leg: Leg; readonly what: string }
  | { readonly kind: "found"; readonly id: string; readonly value: number }
  | { readonly kind: "failed"; readonly leg: Leg; readonly because: string };

/** @throws Error if the text is no Visit */
export function readVisit(text: string): Visit {
  const value: unknown = JSON.parse(text);
  const [command, seconds] = [textsAt(value, "command"), numberAt(value, "seconds")];
  if (command.length === 0 || seconds === undefined) {
    throw new Error(`This is no visit: ${text}`);
  }
  const host = textsAt(value, "host");
  return {
    command,
    env: Object.fromEntries(entriesAt(value, "env").map(([name, text]) => [name, String(text)])),
    host: host.length === 0 ? null : host,
    seconds,
    legs: textsAt(value, "legs").flatMap((leg) => legs.find((known) => known === leg) ?? []),
  };
}

/** A line of the probe's output. undefined: it is some program's chatter. */
export function readFinding(line: string): Finding | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const kind = textAt(value, "kind");
  const leg = legs.find((known) => known === textAt(value, "leg"));
  const id = textAt(value, "id");
  const found = numberAt(value, "value");
  if (kind === "found" && id !== undefined && found !== undefined) {
    return { kind, id, value: found };
  }
  if (leg === undefined) return undefined;
  const what = textAt(value, "what");
  const because = textAt(value, "because");
  if (kind === "doing" && what !== undefined) return { kind, leg, what };
  if (kind === "failed" && because !== undefined) return { kind, leg, because };
  return undefined;
}
