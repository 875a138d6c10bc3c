import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { attach, openTunnel, PresharedKey, PrivateKey, type Tunnel } from "../../src/index.js";
import { onlyInSandbox } from "../sandbox.js";
import { bridge, runBridge } from "./programs.js";

const key = PrivateKey.generate().toBase64();
const [one, two] = [PrivateKey.generate().publicKey(), PrivateKey.generate().publicKey()];
const psk = PresharedKey.generate().toBase64();

const start = `[Interface]
PrivateKey = ${PrivateKey.generate().toBase64()}
ListenPort = 4000
FwMark = 7
[Peer]
PublicKey = ${one}
PresharedKey = ${PresharedKey.generate().toBase64()}
PersistentKeepalive = 25
Endpoint = 192.0.2.1:7
AllowedIPs = 10.0.0.0/24, fd00::/64
`;

let directory = "";
before(() => {
  directory = mkdtempSync(`${tmpdir()}/wg-bridge-set-`);
  writeFileSync(`${directory}/start.conf`, start, { mode: 0o600 });
  writeFileSync(`${directory}/key`, `${key}\n`, { mode: 0o600 });
  writeFileSync(`${directory}/psk`, psk, { mode: 0o600 });
  writeFileSync(`${directory}/zeros`, `${"A".repeat(43)}=\n`, { mode: 0o600 });
  writeFileSync(`${directory}/empty`, "", { mode: 0o600 });
  writeFileSync(`${directory}/blank`, "\n", { mode: 0o600 });
  writeFileSync(`${directory}/short`, key.slice(1), { mode: 0o600 });
  writeFileSync(`${directory}/long`, `${key}x`, { mode: 0o600 });
  writeFileSync(`${directory}/hex`, Buffer.from(key, "base64").toString("hex"), { mode: 0o600 });
});
after(() => rmSync(directory, { recursive: true }));

/** Arguments that wg accepts or refuses; {NAME} is a file in the directory. */
const lines: readonly string[] = [
  "listen-port 0",
  "listen-port 4001",
  "listen-port x",
  "listen-port",
  "fwmark 0x20",
  "fwmark off",
  "fwmark 0",
  "fwmark 4294967296",
  "fwmark y",
  "private-key {key}",
  "private-key {zeros}",
  "private-key {empty}",
  "private-key /dev/null",
  "private-key {short}",
  "private-key {long}",
  "private-key {hex}",
  "private-key {blank}",
  "private-key /no/such",
  "private-key {key} listen-port 4002 fwmark 9",
  `peer ${one} remove`,
  `peer ${two} remove`,
  `peer ${two}`,
  `peer ${two} preshared-key {psk} endpoint 192.0.2.2:8 persistent-keepalive 9 allowed-ips 10.1.0.0/16`,
  `peer ${one} preshared-key {psk}`,
  `peer ${one} preshared-key /dev/null`,
  `peer ${one} preshared-key {zeros}`,
  `peer ${one} persistent-keepalive off`,
  `peer ${one} persistent-keepalive 0`,
  `peer ${one} persistent-keepalive 65536`,
  `peer ${one} endpoint [fd00::1]:9`,
  `peer ${one} endpoint 192.0.2.1`,
  `peer ${one} allowed-ips 10.2.0.0/16,fd01::/48`,
  `peer ${one} allowed-ips 10.2.3.4`,
  `peer ${one} allowed-ips `,
  `peer ${one} allowed-ips 10.2.0.0/33`,
  `peer ${two} allowed-ips 10.0.0.0/24 peer ${one} persistent-keepalive 3`,
  `fwmark 3 peer ${two} peer ${one} remove`,
  `peer ${one} listen-port 4003`,
  `peer ${one} remove remove`,
  "remove",
  "allowed-ips 10.0.0.0/8",
  "peer",
  "peer x",
  `peer ${one.slice(1)}`,
  `endpoint 192.0.2.1:1 peer ${one}`,
  "nonsense",
  "",
];

/** Opens an interface for wg and one for wg-bridge, and configures both by `start` before each test. */
function withTwins(): void {
  onlyInSandbox();
  const tunnels: Tunnel[] = [];
  before(async () => {
    for (const name of ["wgea", "wgeb"]) tunnels.push(await openTunnel({ name, backend: "exec" }));
  });
  beforeEach(() => {
    for (const { name } of tunnels) {
      execFileSync("wg", ["setconf", name, `${directory}/start.conf`]);
    }
  });
  after(() => Promise.all(tunnels.map((tunnel) => tunnel.close())));
}

describe("wg-bridge set, beside wg set,", () => {
  withTwins();

  for (const line of lines) {
    it(`does with "${line.replace(one, "ONE").replace(two, "TWO")}" what wg does`, () => {
      const words = line === "" ? [] : line.split(" ").map((word) => path(word));
      const [wg, expected] = outcome("wg", "wgea", words);
      const [bridged, found] = outcome(bridge, "wgeb", words);
      assert.equal(bridged.status, wg.status, bridged.stderr);
      assert.deepEqual(found, expected);
      assert.equal(bridged.stdout, "");
      if (wg.status === 0) assert.equal(bridged.stderr, "");
      else assert.match(bridged.stderr, /^wg-bridge: [^\n]*\n$/);
      for (const secret of [key, psk]) assert.ok(!bridged.stderr.includes(secret.slice(1, 20)));
    });
  }

  it("adds and removes allowed IPs after + and -, as newer wg does", async () => {
    await using tunnel = await attach("wgeb");
    const cases = [
      ["+10.3.0.0/16", ["10.0.0.0/24", "10.3.0.0/16", "fd00::/64"]],
      ["-10.0.0.0/24,+10.4.0.0/16", ["10.3.0.0/16", "10.4.0.0/16", "fd00::/64"]],
      ["-fd00::/64", ["10.3.0.0/16", "10.4.0.0/16"]],
      ["10.5.0.0/16", ["10.5.0.0/16"]],
    ] as const;
    for (const [list, allowedIps] of cases) {
      const { status, stderr } = runBridge(["set", "wgeb", "peer", one, "allowed-ips", list]);
      assert.deepEqual([status, stderr], [0, ""]);
      const [peer] = (await tunnel.status()).peers;
      assert.deepEqual(peer?.allowedIps.toSorted(), allowedIps);
    }
  });

  it("reads a key from a pipe", async () => {
    await using tunnel = await attach("wgeb");
    const script = `"$0" set wgeb private-key <(printf %s "$1") &&
      printf %s "$2" | "$0" set wgeb peer "$3" preshared-key /dev/stdin`;
    assert.equal(spawnSync("bash", ["-c", script, bridge, key, psk, one]).status, 0);
    const { privateKey, peers } = await tunnel.status();
    assert.equal(privateKey?.toBase64(), key);
    assert.equal(peers[0]?.presharedKey?.toBase64(), psk);
  });

  it("never creates an interface", () => {
    for (const words of [["set"], ["set", "wgec"], ["set", "wgec", "fwmark", "1"], ["setconf"]]) {
      assert.equal(runBridge(words).status, 1);
    }
    const names = execFileSync("ip", ["-o", "link"], { encoding: "utf8" });
    assert.ok(!/wgec|set/.test(names), names);
  });
});

describe("wg-bridge setconf and addconf, beside wg's,", () => {
  withTwins();
  const device = `[Interface]\nPrivateKey = ${key}\nListenPort = 4000\n`;
  const peer = `[Peer]\nPublicKey = ${one}\nAllowedIPs = 10.6.0.0/16\n`;
  const other = `[Peer]\nPublicKey = ${two}\nPresharedKey = ${psk}\nAllowedIPs = 10.0.0.0/24\n`;
  const files = [
    "",
    device,
    peer,
    `${device}${peer}`,
    `${device}FwMark = 0x30\n${other}`,
    `${device}${peer}Endpoint = 192.0.2.9:9\nPersistentKeepalive = off\n${other}`,
    `${peer}${other}${peer.replace("10.6", "10.7")}`,
    `[Peer]\nPublicKey = ${one}\n`,
    "[Interface]\nFwMark = x\n",
    "nonsense\n",
  ];
  for (const verb of ["setconf", "addconf"]) {
    for (const [index, text] of files.entries()) {
      it(`${verb} does with file ${index} what wg does`, () => {
        const path = `${directory}/file.conf`;
        writeFileSync(path, text, { mode: 0o600 });
        const [wg, expected] = outcome("wg", "wgea", [path], verb);
        const [bridged, found] = outcome(bridge, "wgeb", [path], verb);
        assert.equal(bridged.status, wg.status, bridged.stderr);
        assert.deepEqual(found, expected);
      });
    }
  }
});

function path(word: string): string {
  return word.replace(/^\{(\w+)\}$/, `${directory}/$1`);
}

/** Runs a change. Returns how it ended and everything that wg shows afterwards, in a stable order. */
function outcome(program: string, name: string, words: readonly string[], verb = "set") {
  const ended = spawnSync(program, [verb, name, ...words], { encoding: "utf8", timeout: 30_000 });
  const dump = execFileSync("wg", ["show", name, "dump"], { encoding: "utf8" });
  const [first = "", ...peers] = dump.split("\n").map((line) => {
    const columns = line.split("\t");
    if (columns.length === 8) columns[3] = columns[3]?.split(",").toSorted().join(",") ?? "";
    // The kernel chooses an arbitrary port.
    if (columns.length === 4 && Number(columns[2]) > 4100) columns[2] = "chosen";
    return columns.join(" ");
  });
  return [ended, [first, ...peers.toSorted()]] as const;
}
