const newline = 0x0a;

/**
 * Collects the pieces of one UAPI answer until the blank line that ends it. Takes time linear in
 * the answer's length, however small the pieces: a get of 130,560 allowed IPs is several megabytes.
 */
export class AnswerReader {
  readonly #pieces: Uint8Array[] = [];
  #endsWithNewline = false;

  /** Takes the next piece. Returns the whole answer, blank line included, once it is there. */
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

  /** Overwrites the pieces: private keys are in them. */
  discard(): void {
    for (const held of this.#pieces.splice(0)) held.fill(0);
  }
}

function endOfBlankLine(piece: Buffer): number | undefined {
  const at = piece.indexOf("\n\n");
  return at === -1 ? undefined : at + 2;
}
