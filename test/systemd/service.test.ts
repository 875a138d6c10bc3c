import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/artifacts.js";
import { describeWith } from "../cli/programs.js";
import { onlyInSandbox } from "../sandbox.js";

/** The exposure of the service by `systemd-analyze security`, in tenths: 0 is none, 100 all. It may only fall. */
const exposure = 17;

describeWith("systemd-analyze", "the service of systemd", () => {
  onlyInSandbox();
  let directory = "";

  before(() => {
    // The machine has a /tmp of its own.
    directory = mkdtempSync(join(packageRoot, "build/service-"));
  });

  after(() => rmSync(directory, { recursive: true }));

  it("is exposed to no more than an engine needs", () => {
    const unit = join(directory, "wg-bridge@wg0.service");
    copyFileSync(`${packageRoot}/systemd/wg-bridge@.service`, unit);
    const args = ["security", "--offline=true", `--threshold=${exposure}`, "--no-pager", unit];
    const { status, stdout, stderr } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
    assert.equal(status, 0, stdout.split("\n").slice(-3).join("\n") + stderr);
  });

  it("runs tunnels under systemd, from the installation of the Debian package to its removal", function () {
    this.timeout(420_000);
    const options = { cwd: packageRoot, encoding: "utf8" } as const;
    const made = execFileSync("scripts/deb", ["--output", directory, "--checkout"], options);
    const command = ["test/systemd/service.sh", made.trim()];
    const result = spawnSync("test/systemd/machine.sh", command, { ...options, timeout: 400_000 });
    if (result.status === 77 && this.test) {
      this.test.title += ` [skipped: ${result.stdout.trim().split("\n").at(-1)}]`;
      this.skip();
    }
    assert.equal(result.status, 0, result.stdout + result.stderr);
  });
});
