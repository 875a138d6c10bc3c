import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../src/artifacts.js";
import { openTunnel, PrivateKey } from "../../src/index.js";
import { onlyInSandbox } from "../sandbox.js";
import { denying, denyObstacle, denySkipped } from "../seccomp/deny.js";

const program = fileURLToPath(new URL("opening.js", import.meta.url));
const { EMFILE, EACCES } = constants.errno;

/** AF_INET and AF_INET6 of socket(2). */
const [internet, internet6] = [2, 10];

for (const backend of ["exec", "ffi"] as const) {
  describe(`opening a userspace tunnel on ${backend}`, function () {
    this.timeout(60_000);
    onlyInSandbox();

    let directory = "";
    beforeEach(() => {
      directory = mkdtempSync(`${tmpdir()}/opening-`);
    });
    afterEach(() => rmSync(directory, { recursive: true }));

    const run = (errno: number, ...how: readonly string[]) => {
      const node = [process.execPath, program, backend, directory, ...how];
      const denied = [internet, internet6].flatMap((family) => denying("socket", errno, family));
      const [file = "", ...args] = [...denied, ...node];
      const { stdout, stderr } = spawnSync(file, args, { encoding: "utf8", timeout: 50_000 });
      assert.equal(stderr, "");
      return JSON.parse(stdout);
    };
    const nothing = { directories: [], engines: [], descriptors: 0 };

    describe(`without UDP sockets${denySkipped}`, () => {
      before(function () {
        if (denyObstacle !== undefined) this.skip();
      });

      for (const how of backend === "exec" ? [[], ["restart"]] : [[]]) {
        it(`fails, and leaves nothing ${how.join("")}`, () => {
          const { code, message, ...left } = run(EMFILE, ...how);
          assert.equal(code, "WG_BRIDGE_RESOURCES");
          assert.match(
            message,
            /cannot be started: opening UDP sockets: .*too many open files.*\. .*ulimit/,
          );
          assert.deepEqual(left, nothing);
        });
      }

      it("says so if they are forbidden", () => {
        const { code, message, ...left } = run(EACCES);
        assert.equal(code, "WG_BRIDGE_ENGINE");
        assert.match(message, /opening UDP sockets: .*permission denied/);
        assert.deepEqual(left, nothing);
      });
    });

    it("says where to make a directory, if an ordinary user can make none", function () {
      const script = 'mount -t tmpfs -o ro,mode=755 none /tmp && exec "$@"';
      const unprivileged = `${packageRoot}/scripts/unprivileged`;
      const node = ["env", "TMPDIR=/nowhere", "node", "dist/test/userspace/opening.js"];
      const command = [unprivileged, ...node, backend, "/sys/kernel"];
      const { stdout, status } = spawnSync(
        "unshare",
        ["-m", "sh", "-c", script, "sh", ...command],
        {
          encoding: "utf8",
          timeout: 50_000,
        },
      );
      if (status === 77) this.skip();
      const { code, message, engines } = JSON.parse(stdout);
      assert.equal(code, "WG_BRIDGE_SOCKET_DIRECTORY");
      assert.match(
        message,
        /\/sys\/kernel.*\/nowhere.*EROFS.*\/tmp\/.*with XDG_RUNTIME_DIR or TMPDIR/,
      );
      assert.deepEqual(engines, []);
    });

    it("fails for what the engine cannot have, and leaves nothing", async () => {
      const taken = createSocket("udp4");
      taken.bind(0);
      await once(taken, "listening");
      const options = {
        network: "userspace",
        backend,
        addresses: ["10.0.0.1"],
        config: { privateKey: PrivateKey.generate(), peers: [] },
        env: { ...process.env, XDG_RUNTIME_DIR: directory },
      } as const;
      for (const [wrong, code] of [
        [{ listenPort: taken.address().port }, "WG_BRIDGE_PORT_IN_USE"],
        [{ addresses: ["127.0.0.1"] }, "EADDRNOTAVAIL"],
        [{ addresses: ["10.0.0.1", "ff02::1"] }, "EADDRNOTAVAIL"],
        [{ dns: ["not a name"] }, "WG_BRIDGE_VALUE"],
        [{ mtu: 576 }, "WG_BRIDGE_VALUE"],
        [{ memory: 1000 }, "WG_BRIDGE_VALUE"],
      ] as const) {
        await assert.rejects(openTunnel({ ...options, ...wrong }), { code }, JSON.stringify(wrong));
        assert.deepEqual(readdirSync(directory), []);
      }
      taken.close();
    });
  });
}
