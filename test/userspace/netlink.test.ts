import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { onlyInSandbox } from "../sandbox.js";
import { denying, denyObstacle, denySkipped } from "../seccomp/deny.js";

const program = fileURLToPath(new URL("program.js", import.meta.url));
const { EPERM, EAFNOSUPPORT, ENOSYS } = constants.errno;

/** AF_NETLINK of socket(2). */
const netlink = 16;

function run(errno: number, ...command: readonly string[]) {
  const [file = "", ...args] = [...denying("socket", errno, netlink), ...command];
  return spawnSync(file, args, { encoding: "utf8", timeout: 50_000 });
}

for (const backend of ["exec", "ffi"] as const) {
  describe(`userspace tunnels on ${backend} in a sandbox without netlink${denySkipped}`, function () {
    this.timeout(60_000);
    onlyInSandbox();

    before(function () {
      if (denyObstacle !== undefined) this.skip();
    });

    for (const [name, errno] of Object.entries({ EPERM, EAFNOSUPPORT, ENOSYS })) {
      it(`work, if it answers ${name}`, () => {
        assert.notEqual(run(errno, "ip", "link").status, 0); // it needs netlink
        const { stdout, stderr, status } = run(errno, process.execPath, program, backend, "close");
        assert.deepEqual([stdout, stderr, status], ["through\n", "", 0]);
      });
    }
  });
}
