import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { packageRoot } from "../../src/artifacts.js";

/** Builds test/machines/oldkernel for a suite, and returns a function for its path. */
export function buildOldKernel(): () => string {
  let directory: string;
  before("builds oldkernel", function () {
    this.timeout(120_000);
    directory = mkdtempSync(`${tmpdir()}/oldkernel-`);
    const source = ["build", "-trimpath", "-o", directory, "./test/machines/oldkernel"];
    execFileSync("go", source, { cwd: packageRoot });
  });
  after(() => rmSync(directory, { recursive: true }));
  return () => `${directory}/oldkernel`;
}
