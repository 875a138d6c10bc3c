import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, lchownSync, mkdirSync, rmSync, statSync } from "node:fs";
import { WgBridgeError } from "../../src/errors.js";
import { attach, listServedInterfaces, openTunnel } from "../../src/index.js";
import { socketDirectory } from "../../src/trust.js";
import { socketPath } from "../../src/uapi/socket.js";
import { hasStranger, skippedWithoutStranger, stranger } from "../other-user.js";
import { assertNothingLeft, endLeftTunnels, onlyInSandbox } from "../sandbox.js";
import { FakeServer } from "./fake-server.js";

function assertUntrusted(promise: Promise<unknown>, text: RegExp): Promise<void> {
  return assert.rejects(promise, (error) => {
    assert.ok(error instanceof WgBridgeError, String(error));
    assert.equal(error.code, "WG_BRIDGE_UNTRUSTED");
    assert.match(error.message, text);
    return true;
  });
}

describe("who serves a UAPI socket", () => {
  onlyInSandbox();
  endLeftTunnels("wgt1");

  beforeEach(() => mkdirSync(socketDirectory, { recursive: true }));

  afterEach("gives the directory back", () => {
    chownSync(socketDirectory, 0, 0);
    chmodSync(socketDirectory, 0o755);
  });

  for (const backend of ["ffi", "exec"] as const) {
    it(`is nobody that ${backend} gives a key to, where others may make sockets`, async () => {
      for (const mode of [0o775, 0o1777]) {
        chmodSync(socketDirectory, mode);
        const text = /^\/run\/wireguard may be written by others.*chmod go-w \/run\/wireguard/;
        await assertUntrusted(openTunnel({ name: "wgt1", backend }), text);
        assertNothingLeft("wgt1");
      }
    });
  }

  it("is nobody that is attached to or listed, where others may make sockets", async () => {
    await using _ = await FakeServer.start("wgt1", Buffer.from("errno=0\n\n"));
    assert.deepEqual(await listServedInterfaces(), ["wgt1"]);
    await using tunnel = await attach("wgt1");
    await tunnel.status();
    chmodSync(socketDirectory, 0o777);
    const text = /\/run\/wireguard may be written by others/;
    await assertUntrusted(tunnel.status(), text);
    await assertUntrusted(attach("wgt1"), text);
    await assertUntrusted(listServedInterfaces(), text);
  });

  it(`is nobody that may be asked, in another user's directory${skippedWithoutStranger}`, async function () {
    if (!hasStranger) this.skip();
    await using _ = await FakeServer.start("wgt1", Buffer.from("errno=0\n\n"));
    chownSync(socketDirectory, stranger, 0);
    await assertUntrusted(attach("wgt1"), /\/run\/wireguard belongs to user 12345/);
  });

  it(`is not another user that bound it before root took the directory back${skippedWithoutStranger}`, async function () {
    if (!hasStranger) this.skip();
    chownSync(socketDirectory, stranger, 0);
    const script =
      'require("net").createServer((c) => c.on("data", (d) => console.log("got " + d))).listen(process.argv[1], () => console.log("ready"))';
    const server = spawn(process.execPath, ["-e", script, socketPath("wgt1")], { uid: stranger });
    try {
      await once(server.stdout, "data");
      chownSync(socketDirectory, 0, 0);
      assert.equal(statSync(socketPath("wgt1")).uid, stranger);
      const text = /wgt1\.sock belongs to user 12345.*ss -xlp/;
      await assertUntrusted(attach("wgt1"), text);
      await assertUntrusted(openTunnel({ name: "wgt1", backend: "exec" }), text);
      lchownSync(socketPath("wgt1"), 0, 0);
      await attach("wgt1").then((tunnel) => tunnel.close());
    } finally {
      server.kill();
      await once(server, "exit");
      rmSync(socketPath("wgt1"), { force: true });
    }
  });
});
