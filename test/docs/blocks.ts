/** A block of code in a page. */
export interface Block {
  readonly page: string;
  /** The number of its first line of code, from 1. */
  readonly line: number;
  /** What follows the opening fence: "ts", "sh", "ini", "output", "text", or a mistake. */
  readonly language: string;
  readonly code: string;
  /** Why it is not run, if a comment `<!-- not run: REASON -->` on the line before says so. */
  readonly notRun: string | undefined;
  /** Whether it is run beside wg0.conf: a comment `<!-- with wg0.conf -->` on the line before says so. */
  readonly withConfig: boolean;
  /** What it prints: the next block on the page, if that is an "output" block. */
  readonly output: string | undefined;
}

/**
 * Returns the blocks of a page.
 * @throws Error if a fence is not closed
 */
export function blocksIn(page: string, text: string): readonly Block[] {
  const lines = text.split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const language = /^```(.*)$/.exec(lines[at] ?? "")?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf("```", at + 1);
    if (end === -1) throw new Error(`${page}, line ${at + 1}: this block has no end`);
    const notRun = /^<!-- not run: (.+) -->$/.exec(lines[at - 1] ?? "")?.[1];
    const code = `${lines.slice(at + 1, end).join("\n")}\n`;
    const withConfig = lines[at - 1] === "<!-- with wg0.conf -->";
    blocks.push({ page, line: at + 2, language, code, notRun, withConfig, output: undefined });
    at = end;
  }
  return blocks.map((block, index) => ({ ...block, output: outputIn(blocks[index + 1]) }));
}

function outputIn(next: Block | undefined): string | undefined {
  return next?.language === "output" ? next.code : undefined;
}

/** Returns what the comments "// prints: TEXT" of a program promise, in order. */
export function promised(code: string): readonly string[] {
  return Array.from(code.matchAll(/^\s*\/\/ prints: (.*)$/gm), ([, text = ""]) => text);
}

/** Reports whether all of `expected` are among `lines`, in this order. */
export function inOrder(expected: readonly string[], lines: readonly string[]): boolean {
  let from = 0;
  return expected.every((text) => {
    from = lines.indexOf(text, from) + 1;
    return from > 0;
  });
}
