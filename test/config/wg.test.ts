import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { formatShowconf } from "../../src/cli/showconf.js";
import { readConfigFile } from "../../src/config/file.js";
import { formatConfig } from "../../src/config/format.js";
import { checkConfig, parseConfig } from "../../src/config/parse.js";
import { difference } from "../../src/device/difference.js";
import { openTunnel, type Tunnel } from "../../src/index.js";
import { isNumeric } from "../../src/values/endpoint.js";
import { onlyInSandbox } from "../sandbox.js";
import { configs } from "./arbitrary.js";
import { mutationsOf } from "./mutation.js";

const key = `${"A".repeat(42)}E=`;

describe("a configuration file, beside the real wg", () => {
  onlyInSandbox();
  let directory = "";
  let tunnel: Tunnel;

  before(async () => {
    directory = mkdtempSync(`${tmpdir()}/config-`);
    tunnel = await openTunnel({ name: "wgc0", backend: "exec" });
  });

  after(async () => {
    await tunnel.close();
    rmSync(directory, { recursive: true });
  });

  function file(text: string, mode = 0o600): string {
    const path = `${directory}/wgc0.conf`;
    rmSync(path, { force: true });
    writeFileSync(path, text, { mode });
    return path;
  }

  // An unknown host name must not be looked up again and again.
  const env = { ...process.env, WG_ENDPOINT_RESOLUTION_RETRIES: "0" };

  /** Whether wg takes the file. */
  function setconf(text: string): boolean {
    return spawnSync("wg", ["setconf", "wgc0", file(text)], { env }).status === 0;
  }

  /** Whether wg-quick takes the file, and wg what wg-quick leaves of it. */
  function quick(text: string): boolean {
    const { status, stdout } = spawnSync("wg-quick", ["strip", file(text)]);
    return status === 0 && setconf(stdout.toString());
  }

  it("means what it means to wg", async () => {
    await fc.assert(
      fc.asyncProperty(configs, async (config) => {
        const stripped = spawnSync("wg-quick", ["strip", file(formatConfig(config))]);
        assert.equal(stripped.status, 0, stripped.stderr.toString());
        assert.ok(setconf(stripped.stdout.toString()));
        const fromWg = await tunnel.status();
        await tunnel.apply(formatConfig(config));
        // There is nothing to change: both mean the same, except for a port that no file asks for.
        const sorted = (text: string) => text.split("\n").toSorted().join("\n");
        assert.equal(sorted(formatShowconf(await tunnel.status())), sorted(formatShowconf(fromWg)));
      }),
      { numRuns: 20 },
    );
  });

  const peer = `[Peer]\nPublicKey = ${key}\n`;
  const corpus = [
    "",
    "[Interface]\n",
    "[INTERFACE]\nlistenport=5\n",
    "[Interface]\nListenPort = x\n",
    "[Interface]\nFwMark = off\n",
    "[Interface]\nFwMark = OFF\n",
    "[Interface]\nFwMark = 0xffffffff\n",
    "[Interface]\nFwMark = 0x1ffffffff\n",
    "[Interface]\nFwMark = 4294967296\n",
    "[Interface]\nFwMark = -1\n",
    `[Interface]\nPrivateKey = ${key}\n`,
    `[Interface]\nPrivateKey = ${key.slice(1)}\n`,
    `[Interface]\nPrivateKey = ${"A".repeat(42)}B=\n`,
    `[Interface]\nPrivateKey = ${Buffer.from(key, "base64").toString("hex")}\n`,
    "[Interface]\nColour = red\n",
    "ListenPort = 5\n",
    "[Else]\n",
    "[Interface\n",
    "[Interface]\nListenPort\n",
    "[Interface]\nListenPort = 5 # five\n",
    peer,
    "[Peer]\nAllowedIPs = 10.0.0.0/8\n",
    `${peer}AllowedIPs = \n`,
    `${peer}AllowedIPs = 10.0.0.0/8, fd00::/8\n`,
    `${peer}AllowedIPs = 10.0.0.0/33\n`,
    `${peer}AllowedIPs = 10.0.0.0/\n`,
    `${peer}AllowedIPs = 10.0.0/8\n`,
    `${peer}AllowedIPs = 10.0.0.1\n`,
    `${peer}AllowedIPs = ::/129\n`,
    `${peer}AllowedIPs = 10.0.0.0/8,,10.1.0.0/16\n`,
    `${peer}Endpoint = 192.0.2.1:5\n`,
    `${peer}Endpoint = [2001:db8::1]:5\n`,
    `${peer}Endpoint = 192.0.2.1\n`,
    `${peer}Endpoint = :5\n`,
    `${peer}Endpoint = [2001:db8::1\n`,
    `${peer}PersistentKeepalive = off\n`,
    `${peer}PersistentKeepalive = 65535\n`,
    `${peer}PersistentKeepalive = 65536\n`,
    `${peer}PersistentKeepalive = -1\n`,
    `${peer}PresharedKey = ${key}\n`,
    `${peer}PresharedKey = short\n`,
    `${peer}PrivateKey = ${key}\n`,
    `${peer}${peer}`,
    "\ufeff[Interface]\n",
    "[ Inter face ]\nListen Port = 1 2\n",
    "[Interface]\nListenPort = 5\u00a0\n",
    "[Interface]\nListenPort = 0000000000005\n",
    "[Interface]\nListenPort =\n",
    "[Interface]\nListenPort = 5 = 6\n",
    "[Interface]\nFwMark = 0X10\n",
    "[Interface]\nFwMark = 0x\n",
    "[Interface]\nFwMark = 0x000000000010\n",
    "[Interface]\nFwMark = 010\n",
    "[Interface]\nListenPort = 5\n[Interface]\nListenPort = 6\n",
    "[Interface] [Peer]\n",
    "[]\n",
    `${peer}AllowedIPs = 10.0.0.0 / 8\n`,
    `${peer}AllowedIPs = 10.0.0.0/008\n`,
    `${peer}AllowedIPs = 010.0.0.0/8\n`,
    `${peer}AllowedIPs = +10.0.0.0/8\n`,
    `${peer}AllowedIPs = -10.0.0.0/8\n`,
    `${peer}AllowedIPs = 1:2:3:4:5:6:7::/128, ::ffff:1.2.3.4\n`,
    `${peer}AllowedIPs = fe80::1%lo/64\n`,
    `${peer}Endpoint = 2001:db8::1:5\n`,
    `${peer}Endpoint = [192.0.2.1]:5\n`,
    `${peer}Endpoint = [localhost]:5\n`,
    `${peer}Endpoint = localhost:0005\n`,
    `${peer}Endpoint = [fe80::1%lo]:5\n`,
    `${peer}Endpoint = [2001:db8::1]5\n`,
    `${peer}Endpoint = [2001:db8::1]:\n`,
    `${peer}Endpoint = 192.0.2.1:5:6\n`,
    `${peer}PersistentKeepalive = 0x5\n`,
    `${peer}PersistentKeepalive = 00000000000025\n`,
  ];
  /** What ip(8) makes of an address, as it shows it; undefined where it refuses it. */
  function added(address: string): string | undefined {
    const family = address.includes(":") ? "-6" : "-4";
    const { status } = spawnSync("ip", [family, "address", "add", address, "dev", "wgc0"]);
    const shown = spawnSync("ip", ["-o", "address", "show", "dev", "wgc0"]).stdout.toString();
    spawnSync("ip", ["address", "flush", "dev", "wgc0"]);
    return status === 0
      ? shown.split("\n").flatMap((line) => line.split(/\s+/)[3] ?? [])[0]
      : undefined;
  }

  const addresses: readonly (readonly [string, string | undefined, RegExp?])[] = [
    ["10.7.0.1", "10.7.0.1/32"],
    ["10.7.0.1/24", "10.7.0.1/24"],
    ["10.7.0.1/255.255.255.0", "10.7.0.1/24"],
    ["10.7.0.1/255.255.255.255", "10.7.0.1/32"],
    ["10.7.0.1/0.0.0.0", "10.7.0.1/0"],
    ["FD07::1/64", "fd07::1/64"],
    ["fd07::10.7.0.1/96", "fd07::a07:1/96"],
    ["10.7.0.1/255.0.255.0", undefined],
    ["10.7.0.1/33", undefined],
    ["10.7.0.1/", undefined],
    ["[fd07::1]/64", undefined],
    ["fd07::1%lo/64", undefined],
    ["fd07::1/ffff::", undefined],
    // Accepted by ip, and refused here.
    ["10/8", "10.0.0.0/8", /zeros after the last/],
    ["10.7", "10.7.0.0/32", /zeros after the last/],
    ["010.7.0.1", "8.7.0.1/32", /octal to ip/],
    ["10.7.0.1/024", "10.7.0.1/20", /octal to ip/],
    ["10.7.0.1/0x18", "10.7.0.1/24", /Address cannot be read/],
    ["10.7.0.1/+24", "10.7.0.1/24", /Address cannot be read/],
    ["fd07::1/0x40", "fd07::1/64", /Address cannot be read/],
    ["fd07::1/255.255.255.0", "fd07::1/24", /Address cannot be read/],
  ];
  for (const [address, meaning, reason] of addresses) {
    it(`has the address that ip reads in ${address}, or is refused with the reason`, () => {
      assert.equal(added(address), meaning);
      const text = `[Interface]\nAddress = ${address}\n`;
      const [diagnostic] = checkConfig(text);
      if (reason !== undefined) assert.match(diagnostic?.problem ?? "", reason);
      else if (meaning === undefined) assert.ok(diagnostic !== undefined);
      else assert.equal(added(parseConfig(text).addresses[0] ?? ""), meaning);
    });
  }

  const mtus: readonly (readonly [string, number | undefined, RegExp?])[] = [
    ["1280", 1280],
    ["0x500", 1280],
    ["0X500", 1280],
    ["68", 68],
    ["67", undefined],
    ["65536", undefined],
    ["1e3", undefined],
    ["1400.5", undefined],
    ["02400", 1280, /octal to ip/],
    ["+1280", 1280, /MTU cannot be read/],
  ];
  for (const [mtu, meaning, reason] of mtus) {
    it(`has the MTU that ip reads in ${mtu}, or is refused with the reason`, () => {
      const { status } = spawnSync("ip", ["link", "set", "mtu", mtu, "dev", "wgc0"]);
      const made = Number(readFileSync("/sys/class/net/wgc0/mtu", "utf8"));
      assert.equal(status === 0 ? made : undefined, meaning);
      const text = `[Interface]\nMTU = ${mtu}\n`;
      const [diagnostic] = checkConfig(text);
      if (reason !== undefined) assert.match(diagnostic?.problem ?? "", reason);
      else if (meaning === undefined) assert.ok(diagnostic !== undefined);
      else assert.equal(parseConfig(text).mtu, meaning);
    });
  }

  for (const [host, meaning, reason] of [
    ["01.2.3.4", "1.2.3.4", /octal to wg/],
    ["010.2.3.4", "8.2.3.4", /octal to wg/],
    ["[1.2.3.010]", "1.2.3.8", /octal to wg/],
    ["1.2.3", "1.2.0.3", /zeros before the last/],
    ["2130706433", "127.0.0.1", /zeros before the last/],
  ] as const) {
    it(`is refused with the reason if wg reads an endpoint as C does: ${host}`, () => {
      const text = `${peer}Endpoint = ${host}:5\n`;
      assert.ok(setconf(text));
      const shown = spawnSync("wg", ["show", "wgc0", "endpoints"]).stdout.toString();
      assert.equal(shown.trim().split("\t")[1], `${meaning}:5`);
      assert.match(checkConfig(text)[0]?.problem ?? "", reason);
    });
  }

  it("is refused with a NUL, at which wg ends the line and wg-quick reads on", () => {
    const text = "[Interface]\nListenPort = 51\u0000820\n";
    assert.ok(setconf(text));
    assert.equal(spawnSync("wg", ["show", "wgc0", "listen-port"]).stdout.toString(), "51\n");
    const stripped = spawnSync("wg-quick", ["strip", file(text)]).stdout.toString();
    assert.match(stripped, /ListenPort = 51820/);
    assert.match(checkConfig(text)[0]?.problem ?? "", /a NUL/);
  });

  for (const text of corpus) {
    it(`is accepted or refused as by wg: ${JSON.stringify(text)}`, () => {
      assert.equal(checkConfig(text).length === 0, setconf(text));
    });
  }

  const quickCorpus = [
    "[Interface]\nAddress = 10.0.0.1/24 fd00::1/64,10.0.0.2\nDNS = 10.0.0.1 home.example\n",
    "[Interface]\nAddress =\nDNS =\nMTU =\nTable =\nPostUp =\n",
    "[INTERFACE]\nmtu = 1400\nsaveconfig = True\n",
    "[Interface]\nSaveConfig = yes\n",
    "[Interface]\nSaveConfig =\n",
    "[Interface]\nPostUp = echo a=b # and no more\n",
    "[Interface]\nM TU = 1400\n",
    "[ Interface ]\nMTU = 1400\n",
    "[ Interface ]\nListen Port = 5\n",
    "MTU = 1400\n",
    `${peer}MTU = 1400\n`,
    `${peer}[Interface]\nMTU = 1400\n`,
  ];
  for (const text of quickCorpus) {
    it(`is accepted or refused as by wg-quick: ${JSON.stringify(text)}`, () => {
      assert.equal(checkConfig(text).length === 0, quick(text));
    });
  }

  const stricter: readonly (readonly [string, string])[] = [
    ["a port above 65535, of which wg takes the last 16 bits", "[Interface]\nListenPort = 65536\n"],
    ["a port by its service's name", "[Interface]\nListenPort = domain\n"],
    ["a port with a sign", "[Interface]\nListenPort = +5\n"],
    ["an endpoint with port 0, where nothing can be sent", `${peer}Endpoint = 192.0.2.1:0\n`],
    ["an IPv4 endpoint of fewer than four numbers", `${peer}Endpoint = 192.1:5\n`],
    ["an IPv4 endpoint with octal numbers", `${peer}Endpoint = 0300.0.2.1:5\n`],
  ];
  for (const [what, text] of stricter) {
    it(`is refused with ${what}, which wg accepts`, () => {
      assert.equal(checkConfig(text).length, 1);
      assert.ok(setconf(text));
    });
  }

  it("is accepted with an unknown host name, which wg refuses", () => {
    const text = `${peer}Endpoint = nobody.invalid:5\n`;
    assert.deepEqual(checkConfig(text), []);
    assert.ok(!setconf(text));
  });

  /** Whether a line is one of the kind that only we refuse. */
  function isStricter(line: string): boolean {
    const said = line.replace(/#.*/, "").replace(/[\t-\r ]/g, "");
    const [, name = "", host = "", port = ""] =
      /^(listenport|endpoint)=(?:(.*):)?([^:]*)$/i.exec(said) ?? [];
    const least = name.toLowerCase() === "endpoint" ? 1 : 0;
    const plain = /^\d+$/.test(port) && Number(port) >= least && Number(port) <= 65_535;
    return name !== "" && (!plain || /^\[?[\da-fx.]+\]?$/i.test(host));
  }

  it("means what it means to wg, or is refused by both, with any small mistake", async () => {
    const text = `[Interface]
PrivateKey = ${key}
ListenPort = 51820
FwMark = 0x1f
[Peer]
PublicKey = ${"B".repeat(42)}E=
PresharedKey = ${"C".repeat(42)}E=
AllowedIPs = 10.0.0.0/24, fd00::1/64
Endpoint = 192.0.2.1:51820
PersistentKeepalive = 25
[Peer]
PublicKey = ${"D".repeat(42)}E=
AllowedIPs = 10.0.0.7, ::ffff:1.2.3.4/128
Endpoint = [2001:db8::1]:51820
`;
    await fc.assert(
      fc.asyncProperty(mutationsOf(text), async (mutated) => {
        const diagnostics = checkConfig(mutated);
        const taken = setconf(mutated);
        if (diagnostics.length > 0) {
          const lines = mutated.split("\n");
          const ours = diagnostics.every(({ line }) => isStricter(lines[line - 1] ?? ""));
          assert.ok(!taken || ours, "wg takes it");
          return;
        }
        const config = parseConfig(mutated);
        fc.pre(config.peers.every(({ endpoint }) => endpoint === undefined || isNumeric(endpoint)));
        assert.ok(taken, "wg refuses it");
        assert.equal(difference(await tunnel.status(), config), undefined);
      }),
      { numRuns: 150 },
    );
  });

  it("causes a warning if others may read it, as with wg-quick", async () => {
    for (const [mode, warned] of [
      [0o600, 0],
      [0o644, 1],
      [0o640, 0],
    ] as const) {
      // The directory must let others in as well.
      const path = file("[Interface]\n", mode);
      spawnSync("chmod", ["755", directory]);
      const { text, warnings } = await readConfigFile(path);
      assert.equal(text, "[Interface]\n");
      assert.equal(warnings.length, warned);
      const { stderr } = spawnSync("wg-quick", ["strip", path]);
      assert.equal(stderr.includes("world accessible"), warned === 1);
      spawnSync("chmod", ["700", directory]);
      assert.deepEqual((await readConfigFile(path)).warnings, []);
    }
    const [open, closed] = ["open", "closed"].map((name) => `${directory}/${name}`);
    mkdirSync(open ?? "", { mode: 0o755 });
    mkdirSync(closed ?? "", { mode: 0o700 });
    writeFileSync(`${open}/wgc0.conf`, "[Interface]\n", { mode: 0o644 });
    symlinkSync(`${open}/wgc0.conf`, `${closed}/wgc0.conf`);
    assert.equal((await readConfigFile(`${closed}/wgc0.conf`)).warnings.length, 1);
    const { stderr } = spawnSync("wg-quick", ["strip", `${closed}/wgc0.conf`]);
    assert.ok(stderr.includes("world accessible"));
    await assert.rejects(readConfigFile(`${directory}/none`), /cannot be read/);
  });
});
