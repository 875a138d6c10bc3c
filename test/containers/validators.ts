import { execFileSync, spawnSync } from "node:child_process";
import { packageRoot } from "../../src/artifacts.js";

const script = `${packageRoot}/scripts/validators`;

/** The mark of a test's title that skips it if these tools are not installed; otherwise "". */
export const validatorMark =
  spawnSync(script, ["--if-installed"]).status === 0
    ? ""
    : " [skipped: kubernetes-validate is not installed: run scripts/test-tools]";

/** Returns the directory of kubernetes-validate, compose-spec and seccomp.json. */
export function validators(): string {
  return execFileSync(script, ["--if-installed"], { encoding: "utf8" }).trim();
}
