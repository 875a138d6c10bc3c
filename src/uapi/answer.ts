import { getSystemErrorName } from "node:util";
import { WgBridgeError } from "../errors.js";

const newline = 0x0a;

/**
 * Collects the pieces of one UAPI answer up to the blank line that ends it. Takes time linear in the
 * answer's length, however small the pieces: the answer for 130,560 allowed IPs has several megabytes.
 */
export class AnswerReader {
  readonly #pieces: Uint8Array[] = [];
  #endsWithNewline = false;

  /** Adds the next piece. Returns the complete answer, blank line included, once it has arrived. */
  push(piece: Buffer): Buffer | undefined {
    const end = this.#endsWithNewline && piece[0] === newline ? 1 : endOfBlankLine(piece);
    if (end === undefined) {
      this.#pieces.push(piece);
      if (piece.length > 0) this.#endsWithNewline = piece.at(-1) === newline;
      return undefined;
    }
    this.#pieces.push(piece.subarray(0, end));
    const whole = Buffer.concat(this.#pieces);
    this.discard();
    return whole;
  }

  /** Overwrites the pieces: they hold private keys. */
  discard(): void {
    for (const held of this.#pieces.splice(0)) held.fill(0);
  }
}

function endOfBlankLine(piece: Buffer): number | undefined {
  const at = piece.indexOf("\n\n");
  return at === -1 ? undefined : at + 2;
}

/** The error for an answer with an errno. `what` is the verb that was refused: "read", "change". */
export function refusedError(what: string, errno: number): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_REFUSED",
    `The engine refused to ${what} the device: ${errnoName(errno)}. Its log tells more with log level "error" or "verbose".`,
  );
}

/** The name of an errno as errno(3) spells it, or its number: the engine has some of its own. */
function errnoName(errno: number): string {
  const name = getSystemErrorName(-errno);
  return name.startsWith("Unknown") ? `errno ${errno}` : name;
}
