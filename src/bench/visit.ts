import { type Leg, legs } from "./figures.js";
import { numberAt, textAt } from "./json.js";

/** What one program is asked for in one round. */
export interface Visit {
  /** To it "-f" and the interface's name are added. */
  readonly command: readonly string[];
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
  const seconds = numberAt(value, "seconds");
  if (typeof value !== "object" || value === null || seconds === undefined) {
    throw new Error(`This is no visit: ${text}`);
  }
  const words = (name: "command" | "host" | "legs"): string[] => {
    const list: unknown = Object.entries(value).find(([key]) => key === name)?.[1];
    return Array.isArray(list) ? list.map(String) : [];
  };
  const host = words("host");
  return {
    command: words("command"),
    host: host.length === 0 ? null : host,
    seconds,
    legs: words("legs").flatMap((leg) => legs.find((known) => known === leg) ?? []),
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
