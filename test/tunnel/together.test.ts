import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  allowedIp,
  attach,
  type DeviceConfig,
  openTunnel,
  PrivateKey,
  publicKey,
  type Tunnel,
} from "../../src/index.js";
import { endLeftTunnels, onlyInSandbox } from "../sandbox.js";

const run = promisify(execFile);
const applier = fileURLToPath(new URL("applier.js", import.meta.url));
const peers = 50;

/** Which configuration of the applier's a device has, and asserts that it has it whole. */
async function wholeOne(tunnel: Tunnel): Promise<number | undefined> {
  const status = await tunnel.status();
  const firsts = new Set(status.peers.map((peer) => Buffer.from(peer.publicKey, "base64")[0] ?? 0));
  assert.deepEqual([...firsts], [status.fwmark]);
  assert.equal(status.peers.length, peers);
  assert.ok(status.peers.every(({ allowedIps }) => allowedIps.length === 1));
  assert.equal(status.privateKey !== undefined, Number(status.fwmark) % 2 === 0);
  return status.fwmark;
}

describe("processes that change one interface at once", () => {
  onlyInSandbox();
  endLeftTunnels("wgm0");

  for (const backend of ["ffi", "exec"] as const) {
    it(`leave one of their configurations whole on ${backend}, never a mixture`, async () => {
      for (const times of [1, 1, 1, 6, 6, 6]) {
        await using tunnel = await openTunnel({ name: "wgm0", backend, logLevel: "silent" });
        const ends = await Promise.all(
          [1, 2, 3].map((first) =>
            run(process.execPath, [applier, "wgm0", String(peers), String(first), String(times)]),
          ),
        );
        // Who gives up says so, and another that still writes makes it whole.
        if (ends.every(({ stdout }) => stdout === "")) await wholeOne(tunnel);
      }
    });
  }

  it("leave a change on top of a configuration, or the configuration alone", async () => {
    await using tunnel = await openTunnel({ name: "wgm0", backend: "exec", logLevel: "silent" });
    await using other = await attach("wgm0");
    const extra = publicKey("ee".repeat(32));
    let applied = false;
    const applying = run(process.execPath, [applier, "wgm0", String(peers), "2", "10"]).then(() => {
      applied = true;
    });
    while (!applied) {
      await other.update({ peers: [{ publicKey: extra, persistentKeepalive: 9 }] });
      await other.update({ peers: [{ publicKey: extra, remove: true }] });
    }
    await applying;
    await wholeOne(tunnel);
  });

  it("leave wg's configuration whole, or ours", async () => {
    await using tunnel = await openTunnel({ name: "wgm0", backend: "exec", logLevel: "silent" });
    const file = `${tmpdir()}/together-${process.pid}.conf`;
    const [ours, its] = [PrivateKey.generate(), PrivateKey.generate()];
    const peersOf = (byte: number) =>
      Array.from({ length: peers }, (_, index) => ({
        publicKey: publicKey(Buffer.alloc(32, byte).fill(index, 0, 1).toString("hex")),
        allowedIps: [allowedIp(`10.0.${index}.0/24`)],
      }));
    const config: DeviceConfig = { privateKey: ours, fwmark: 1, peers: peersOf(1) };
    const sections = peersOf(2).map(
      (peer) => `[Peer]\nPublicKey = ${peer.publicKey}\nAllowedIPs = ${peer.allowedIps}\n`,
    );
    const header = `[Interface]\nPrivateKey = ${its.toBase64()}\nFwMark = 2\n`;
    writeFileSync(file, header + sections.join(""), { mode: 0o600 });
    try {
      for (let round = 0; round < 20; round++) {
        await Promise.all([run("wg", ["setconf", "wgm0", file]), tunnel.apply(config)]);
        const status = await tunnel.status();
        const [key, byte] = status.fwmark === 1 ? [ours, 1] : [its, 2];
        assert.equal(status.privateKey?.publicKey(), key.publicKey());
        assert.deepEqual(
          status.peers.map((peer) => peer.publicKey).toSorted(),
          peersOf(byte)
            .map((peer) => peer.publicKey)
            .toSorted(),
        );
        assert.ok(status.peers.every(({ allowedIps }) => allowedIps.length === 1));
      }
    } finally {
      rmSync(file);
    }
  });
});

describe("a configuration that is given up while it is applied", () => {
  onlyInSandbox();
  endLeftTunnels("wgm0");
  const many = 5_000;
  const config = {
    peers: Array.from({ length: many }, (_, index) => ({
      publicKey: publicKey((index + 1).toString(16).padStart(64, "0")),
      allowedIps: [allowedIp(`10.${index >> 8}.${index & 255}.0/24`)],
    })),
  };

  for (const backend of ["ffi", "exec"] as const) {
    it(`is whole afterwards, or has not begun, on ${backend}`, async () => {
      await using tunnel = await openTunnel({ name: "wgm0", backend, logLevel: "silent" });
      const found = new Set<number>();
      for (let turns = 0; turns < 20; turns++) {
        const giveUp = new AbortController();
        const applied = tunnel.apply(config, { signal: giveUp.signal });
        const rejected = assert.rejects(applied, { name: "AbortError" });
        for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
        giveUp.abort();
        await rejected.catch(() => {}); // it may have been done before
        await tunnel.update({}); // its turn comes when the one before has ended
        found.add((await tunnel.status()).peers.length);
        await tunnel.update({ replacePeers: true });
      }
      assert.ok(
        [...found].every((count) => count === 0 || count === many),
        String([...found]),
      );
    });
  }
});
