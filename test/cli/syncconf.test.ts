import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { openTunnel, PresharedKey, PrivateKey } from "../../src/index.js";
import { endLeftTunnels, onlyInSandbox } from "../sandbox.js";
import { bridge, runBridge } from "./programs.js";

const key = PrivateKey.generate().toBase64();
const [one, two] = [PrivateKey.generate().publicKey(), PrivateKey.generate().publicKey()];
const psk = PresharedKey.generate().toBase64();

const device = `[Interface]\nPrivateKey = ${key}\n`;
const extras = `PresharedKey = ${psk}\nPersistentKeepalive = 25\n`;
const peerOne = `[Peer]\nPublicKey = ${one}\n${extras}AllowedIPs = 10.0.0.0/24, fd00::/64\n`;
const peerTwo = `[Peer]\nPublicKey = ${two}\nAllowedIPs = 10.0.1.0/24\n`;
const full = `${device}FwMark = 0x20\n${peerOne}Endpoint = 192.0.2.1:7\n${peerTwo}`;
const moved = `${device}${peerOne}${peerTwo}AllowedIPs = 10.0.0.0/24\n`;
const twice = `${device}${peerOne}${peerOne.replace("10.0.0.0", "10.9.0.0")}`;

/** The configuration of a device, and a file that it is then made to match. */
const cases: readonly (readonly [title: string, before: string, file: string])[] = [
  ["configures an empty device", "", full],
  ["changes nothing if the device matches already", full, full],
  ["removes a peer and the firewall mark", full, `${device}${peerTwo}`],
  ["moves an allowed IP to another peer", full, moved],
  ["keeps an endpoint that the file does not name", full, `${device}${peerOne}`],
  ["changes endpoint and keepalive", full, full.replace(":7", ":8").replace("= 25", "= off")],
  ["removes a private key", full, `[Interface]\n${peerOne}`],
  ["removes an allowed IP", full, `${device}${peerOne.replace(", fd00::/64", "")}`],
  ["accepts an empty file", full, ""],
  ["accepts a peer twice", "", twice],
];

describe("wg-bridge syncconf, beside wg syncconf,", () => {
  onlyInSandbox();
  endLeftTunnels("wgsa", "wgsb");
  let directory = "";
  let path = "";

  before(() => {
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-syncconf-`);
    path = `${directory}/file.conf`;
  });
  after(() => rmSync(directory, { recursive: true }));

  /** Returns everything that wg shows, in a stable order, except the port, which the kernel may have chosen. */
  function state(name: string): readonly string[] {
    const dump = execFileSync("wg", ["show", name, "dump"], { encoding: "utf8" });
    const [first = "", ...peers] = dump.split("\n").map((line) => {
      const columns = line.split("\t");
      if (columns.length === 8) columns[3] = columns[3]?.split(",").toSorted().join(",") ?? "";
      return columns.join(" ");
    });
    const [privateKey, publicKey, , fwmark] = first.split(" ");
    return [privateKey ?? "", publicKey ?? "", fwmark ?? "", ...peers.toSorted()];
  }

  for (const [title, before, text] of cases) {
    it(`${title}, as wg does`, async () => {
      await using theirs = await openTunnel({ name: "wgsa", backend: "exec", config: before });
      await using ours = await openTunnel({ name: "wgsb", backend: "exec", config: before });
      writeFileSync(path, text, { mode: 0o600 });
      const wg = spawnSync("wg", ["syncconf", theirs.name, path], { encoding: "utf8" });
      assert.deepEqual([wg.status, wg.stderr], [0, ""]);
      const { status, stdout, stderr } = runBridge(["syncconf", ours.name, path]);
      assert.deepEqual([status, stdout, stderr], [0, "", ""]);
      assert.deepEqual(state(ours.name), state(theirs.name));
    });
  }

  it("removes a preshared key and a keepalive that a file does not name, unlike wg", async () => {
    await using tunnel = await openTunnel({ name: "wgsb", backend: "exec", config: full });
    assert.ok((await tunnel.status()).peers.some(({ presharedKey }) => presharedKey));
    assert.equal(runBridge(["syncconf", "wgsb", "-"], full.replace(extras, "")).status, 0);
    for (const { presharedKey, persistentKeepalive } of (await tunnel.status()).peers) {
      assert.deepEqual([presharedKey, persistentKeepalive], [undefined, "off"]);
    }
  });

  it("keeps the listen port if a file does not name one, unlike wg", async () => {
    await using tunnel = await openTunnel({ name: "wgsb", backend: "exec", listenPort: 4567 });
    assert.equal(runBridge(["syncconf", "wgsb", "-"], device).status, 0);
    assert.equal((await tunnel.status()).listenPort, 4567);
    assert.equal(runBridge(["syncconf", "wgsb", "-"], `${device}ListenPort = 4568\n`).status, 0);
    assert.equal((await tunnel.status()).listenPort, 4568);
  });

  it("reads from a shell's process substitution, and accepts wg-quick's fields", async () => {
    await using tunnel = await openTunnel({ name: "wgsb", backend: "exec" });
    const script = '"$0" syncconf wgsb <(printf "%s" "$1")';
    const text = `${device}Address = 10.0.0.1/24\nDNS = 10.0.0.1\nPostUp = true\n${peerOne}`;
    const { status, stderr } = spawnSync("bash", ["-c", script, bridge, text], {
      encoding: "utf8",
    });
    assert.deepEqual([status, stderr], [0, ""]);
    assert.equal((await tunnel.status()).peers.length, 1);
  });

  it("warns about a file that others can read, but uses it", async () => {
    await using tunnel = await openTunnel({ name: "wgsb", backend: "exec" });
    writeFileSync(path, device);
    chmodSync(directory, 0o755);
    chmodSync(path, 0o644);
    const { status, stderr } = runBridge(["syncconf", "wgsb", path]);
    assert.equal(status, 0);
    assert.match(stderr, /^wg-bridge: Warning: .*file\.conf is world accessible.*\n$/);
    assert.ok((await tunnel.status()).privateKey);
  });

  it("requires an interface and a file", () => {
    for (const words of [[], ["wgsb"], ["wgsb", path, "x"], ["--force", "wgsb", path]]) {
      const { status, stderr } = runBridge(["syncconf", ...words]);
      assert.equal(status, 1);
      assert.match(stderr, /^wg-bridge: [^\n]*: see wg-bridge syncconf --help\.\n$/);
    }
  });
});
