import { spawnSync } from "node:child_process";
import { packageRoot } from "../../src/artifacts.js";

/** The command line's program. */
export const bridge = `${packageRoot}/dist/src/cli/main.js`;

/** Runs wg-bridge to its end. */
export function runBridge(
  args: readonly string[],
  input: string | Buffer = "",
  env: NodeJS.ProcessEnv = process.env,
) {
  return spawnSync(bridge, args, { input, env, encoding: "utf8", timeout: 30_000 });
}

/** The reason, for its title, why a suite that needs a program is skipped; "" if the program exists. */
function skipWithout(program: string): string {
  const { error } = spawnSync(program, ["--version"], { stdio: "ignore" });
  return error === undefined ? "" : ` [skipped: there is no ${program}: scripts/test-tools]`;
}

/** Declares a suite. If the program is missing, its title says so and it skips itself. */
export function describeWith(program: string, title: string, tests: () => void): void {
  const reason = skipWithout(program);
  describe(title + reason, () => {
    before(function () {
      if (reason !== "") this.skip();
    });
    tests();
  });
}
