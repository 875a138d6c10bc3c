import { readdirSync, readFileSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";

/** A block of code in a page. */
export interface Block {
  readonly page: string;
  /** Of its first line of code, from 1. */
  readonly line: number;
  /** "ts", "sh", "ini", or "" for what is no code: output, and drawings. */
  readonly language: string;
  readonly code: string;
  /** Why it is not run, where a comment `<!-- not run: REASON -->` before it says so. */
  readonly notRun: string | undefined;
}

/** The pages whose examples are run: README and all of docs. */
export function pages(): readonly string[] {
  const docs = readdirSync(`${packageRoot}/docs`).filter((file) => file.endsWith(".md"));
  return ["README.md", ...docs.map((file) => `docs/${file}`)];
}

/** The blocks of a page. */
export function blocksOf(page: string): readonly Block[] {
  const lines = readFileSync(`${packageRoot}/${page}`, "utf8").split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const language = /^```(.*)$/.exec(lines[at] ?? "")?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf("```", at + 1);
    const notRun = /^<!-- not run: (.+) -->$/.exec(lines[at - 1] ?? "")?.[1];
    const code = `${lines.slice(at + 1, end).join("\n")}\n`;
    blocks.push({ page, line: at + 2, language, code, notRun });
    at = end;
  }
  return blocks;
}

/** What the comments "// prints: TEXT" of a program promise. */
export function promised({ code }: Block): readonly string[] {
  return Array.from(code.matchAll(/^\/\/ prints: (.*)$/gm), ([, text = ""]) => text);
}
