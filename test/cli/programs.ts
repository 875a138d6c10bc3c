import { spawnSync } from "node:child_process";
import { packageRoot } from "../../src/artifacts.js";

/** The path of wg-bridge. */
export const bridge = `${packageRoot}/dist/src/cli/main.js`;

/** Runs wg-bridge to its end. */
export function runBridge(
  args: readonly string[],
  input: string | Buffer = "",
  env: NodeJS.ProcessEnv = process.env,
) {
  return spawnSync(bridge, args, { input, env, encoding: "utf8", timeout: 30_000 });
}

/** Returns why a suite that needs a program is skipped, as the end of its title; "" if the program exists. */
function skipWithout(program: string): string {
  const { error } = spawnSync(program, ["--version"], { stdio: "ignore" });
  return error === undefined ? "" : ` [skipped: there is no ${program}: scripts/test-tools]`;
}

/** Declares a suite that needs a program. If that is missing, the title says so and the suite is skipped. */
export function describeWith(program: string, title: string, tests: () => void): void {
  const reason = skipWithout(program);
  describe(title + reason, () => {
    before(function () {
      if (reason !== "") this.skip();
    });
    tests();
  });
}
