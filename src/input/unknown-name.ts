import { WgBridgeError } from "../errors.js";
import { editDistance } from "../text/edit-distance.js";
import { quote } from "../text/quote.js";

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
    .map((one) => ({ one, away: editDistance(name.toLowerCase(), one.toLowerCase()) }))
    .filter(({ one, away }) => away * 3 <= one.length)
    .sort((a, b) => a.away - b.away);
  return best?.one;
}
