import { readFileSync } from "node:fs";
import { packageRoot } from "../../../src/artifacts.js";

/** A recorded output of netns.sh, trimmed. */
export function recorded(name: "passing" | "sticky-source-failing" | "start-up-failing"): string {
  return readFileSync(`${packageRoot}/bench/test/netns/fixtures/${name}.txt`, "utf8");
}

/** A line by which netns.sh announces a step. */
export function announce(step: string): string {
  return `\u001b[32m\u001b[1m[+] ${step}\u001b[0m\n`;
}
