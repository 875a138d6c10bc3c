import { execFileSync, spawnSync } from "node:child_process";
import { packageRoot } from "../../src/artifacts.js";

/** The words after the program's name that each runtime needs before a script. */
const words: Readonly<Record<string, readonly string[]>> = { deno: ["run", "--allow-all"] };

/**
 * Declares a suite of tests on a runtime that scripts/runtime has installed. Without it the suite is skipped.
 * @param runtime as the arguments of scripts/runtime name it
 * @param tests is given the command that runs a script
 */
export function describeOn(
  runtime: readonly [string, string?],
  title: string,
  tests: (command: readonly string[]) => void,
): void {
  const args = ["--installed", ...runtime.map(String)];
  const found = spawnSync(`${packageRoot}/scripts/runtime`, args, { encoding: "utf8" });
  const name = runtime.join(" ");
  const mark = found.status === 0 ? "" : ` [skipped: ${name} is not installed: scripts/test-tools]`;
  const program = found.stdout.trim();
  describe(`${name} ${title}${mark}`, () => {
    before(function () {
      if (mark !== "") this.skip();
    });
    tests([program, ...(words[runtime[0]] ?? [])]);
  });
}

/** Runs a program in a process of its own, and returns the lines that it prints. It has to end by itself. */
export function linesOf(command: readonly string[], env = process.env): readonly string[] {
  const [program = "", ...args] = command;
  return execFileSync(program, args, { encoding: "utf8", timeout: 120_000, env })
    .trimEnd()
    .split("\n");
}
