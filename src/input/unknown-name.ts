import { WgBridgeError } from "../errors.js";
import { quote } from "../quote.js";

/** The error for a name that an object should not have; says which one may have been meant. */
export function unknownNameError(
  place: string,
  name: string,
  known: readonly string[],
): WgBridgeError {
  const meant = nearest(name, known);
  const advice =
    meant === undefined
      ? `there are ${known.join(", ")}`
      : `did you mean ${JSON.stringify(meant)}?`;
  return new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `${place} has no field ${quote(name)}: ${advice}${meant === undefined ? "." : ""}`,
  );
}

/** The known name that is at most a third of its length away, in any case of letters. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((one) => ({ one, away: distance(name.toLowerCase(), one.toLowerCase()) }))
    .filter(({ one, away }) => away * 3 <= one.length)
    .sort((a, b) => a.away - b.away);
  return best?.one;
}

/** How many characters have to be added, removed or replaced. Source: Wagner and Fischer, 1974. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, character] of [...from.slice(0, 40)].entries()) {
    const next = [index + 1];
    for (let at = 1; at <= to.length; at++) {
      const replaced = (row[at - 1] ?? 0) + (to[at - 1] === character ? 0 : 1);
      next.push(Math.min(replaced, (row[at] ?? 0) + 1, (next[at - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
