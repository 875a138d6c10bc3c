import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { bridge } from "../cli/programs.js";
import { onlyInSandbox } from "../sandbox.js";

describe("wg-bridge demo on a machine whose loopback interface is down", function () {
  this.timeout(120_000);
  onlyInSandbox();

  it("says so, and exits with 1", async () => {
    const env = { ...process.env, WIREGUARD_GO_BRIDGE_LIB_PATH: "/nonexistent/library.so" };
    const { status, stdout } = await new Promise<{ status: number; stdout: string }>((resolve) => {
      const child = execFile("unshare", ["--net", bridge, "demo"], { env }, (_error, stdout) =>
        resolve({ status: child.exitCode ?? -1, stdout }),
      );
    });
    assert.match(stdout, /^exec +failed: The tunnels do not reach each other .* lo is up/m);
    assert.equal(status, 1);
  });
});
