import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { constants } from "node:os";
import { packageRoot } from "../../src/artifacts.js";
import { onlyInSandbox } from "../../test/sandbox.js";
import { denying, denyObstacle, denySkipped } from "../../test/seccomp/deny.js";

const program = [process.execPath, `${packageRoot}/dist/bench/main.js`, "start"];
interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run([file = "", ...args]: readonly string[], env = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: 300_000 };
    const child = execFile(file, args, options, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

const withoutNamespaces = denying("unshare", constants.errno.EPERM);
const withoutTun = ["unshare", "--mount", "sh", "-c"].concat(
  'mount -t tmpfs tmpfs /dev/net && exec "$@"',
  "sh",
);

describe("npm start", function () {
  this.timeout(330_000);
  onlyInSandbox();

  it(`runs the demonstration on both backends if the kernel denies namespaces${denySkipped}`, async function () {
    if (denyObstacle !== undefined) this.skip();
    const { status, stdout, stderr } = await run([...withoutNamespaces, ...program]);
    assert.match(
      stderr,
      /^npm start runs wg-bridge demo in place of the comparison, because this machine does not let you make the namespaces .*\(.*unshare.*not permitted\)\.\n\n$/,
    );
    assert.match(stdout, /^exec +\d.* equal$/m);
    assert.match(stdout, /^ffi +\d.* equal$/m);
    assert.match(stdout, /^exec and ffi passed\.$/m);
    assert.equal(status, 0);
  });

  it("does so if there is no TUN device, and exits as the demonstration does", async () => {
    const broken = {
      WIREGUARD_GO_USERSPACE_EXECUTABLE: "/nonexistent/program",
      WIREGUARD_GO_BRIDGE_LIB_PATH: "/nonexistent/library.so",
    };
    const { status, stdout, stderr } = await run([...withoutTun, ...program], broken);
    assert.match(stderr, /^npm start runs wg-bridge demo .* a TUN interface \(.*\)\.\n\n$/);
    assert.match(stdout, /^No backend can run here/m);
    assert.equal(status, 1);
  });

  it("refuses instead if it has options, which are the comparison's", async () => {
    const { status, stdout, stderr } = await run([...withoutTun, ...program, "--rounds=1"]);
    assert.match(stderr, /^compare: This machine does not let you make a TUN interface: /);
    assert.doesNotMatch(stdout, /tunnel\.fetch/);
    assert.equal(status, 1);
  });
});
