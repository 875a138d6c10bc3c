/**
 * What is wrong with a text, and what would be right. It never leaves this directory: whoever knows where the
 * text comes from (a command line, a program's argument, a line of a file) makes an error of it.
 */
export class TextProblem extends Error {
  /** A sentence without a capital and a full stop. It does not repeat the text, which may be a password. */
  readonly problem: string;
  /** A phrase that follows "give" or "expected". */
  readonly expected: string;
  /** Where in the text, as an index. */
  readonly at: number;

  constructor(problem: string, expected: string, at = 0) {
    super(`${problem}: give ${expected}`);
    this.problem = problem;
    this.expected = expected;
    this.at = at;
  }
}

/** Runs a function on a part of a text. Problems that it finds are then at their place in the whole text. */
export function within<T>(at: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TextProblem)) throw error;
    throw new TextProblem(error.problem, error.expected, at + error.at);
  }
}
