import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify, stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { fields, formatField } from "../../src/cli/show/dump.js";
import { formatPretty } from "../../src/cli/show/pretty.js";
import { formatShowconf } from "../../src/cli/showconf.js";
import type { DeviceStatus, PeerStatus } from "../../src/device/status.js";
import { openTunnel, PrivateKey } from "../../src/index.js";
import { encodeStatus } from "../../src/uapi/encode.js";
import { endLeftTunnels, ip, onlyInSandbox } from "../sandbox.js";
import { statuses } from "../uapi/arbitrary.js";
import { FakeServer } from "../uapi/fake-server.js";
import { StoppedServer } from "../uapi/stopped-server.js";
import { bridge } from "./programs.js";

const run = promisify(execFile);
const runs = { numRuns: 25 };

async function wg(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  return (await run("wg", [...args], { env: { ...process.env, ...env } })).stdout;
}

async function ours(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  return (await run(bridge, [...args], { env: { ...process.env, ...env } })).stdout;
}

/** wg knows only its own keys, and accepts each peer once. */
function withoutUnknown(status: DeviceStatus): DeviceStatus {
  const peers = status.peers.map((peer) => ({ ...peer, unknown: [] }));
  return { ...status, peers, unknown: [] };
}

const known = statuses.map(withoutUnknown);

describe("wg-bridge show", () => {
  onlyInSandbox();
  endLeftTunnels("wgs0");

  it("prints every field byte for byte as wg does, whatever a device reports", async () => {
    await using server = await FakeServer.start("wgs0", Buffer.alloc(0));
    await fc.assert(
      fc.asyncProperty(known, async (status) => {
        server.answer = encodeStatus(status);
        const shown = { name: "wgs0", status };
        const answers = fields.map(async (field) => {
          assert.equal(formatField(shown, field, false), await wg(["show", "wgs0", field]), field);
          assert.equal(formatField(shown, field, true), await wg(["show", "all", field]), field);
        });
        await Promise.all(answers);
      }),
      runs,
    );
  });

  it("prints for people, in colour and without, what wg prints", async () => {
    await using server = await FakeServer.start("wgs0", Buffer.alloc(0));
    await fc.assert(
      fc.asyncProperty(known, async (status) => {
        server.answer = encodeStatus(status);
        for (const showKeys of [true, false]) {
          const mode = { WG_HIDE_KEYS: showKeys ? "never" : "always" };
          // time(2) may lag by a clock tick and return the previous second.
          const before = Math.floor(Date.now() / 1000) - 1;
          const coloured = await wg(["show", "wgs0"], { ...mode, WG_COLOR_MODE: "always" });
          const after = Math.floor(Date.now() / 1000);
          // wg reads the clock itself, at one of these seconds.
          const possible = [before, before + 1, after].map((now) =>
            formatPretty({ name: "wgs0", status }, { now, showKeys }),
          );
          assert.ok(possible.includes(coloured), `${coloured}\n${possible[0]}`);
          assert.ok(!stripVTControlCharacters(coloured).includes("\x1b"));
        }
      }),
      runs,
    );
  });

  it("prints a configuration byte for byte as wg showconf does", async () => {
    await using server = await FakeServer.start("wgs0", Buffer.alloc(0));
    await fc.assert(
      fc.asyncProperty(known, async (status) => {
        server.answer = encodeStatus(status);
        assert.equal(formatShowconf(status), await wg(["showconf", "wgs0"]));
      }),
      runs,
    );
  });

  it("prints the zone of a link-local endpoint as wg does: by name if it has a name", async () => {
    ip("link", "add", "wgsva", "type", "veth", "peer", "name", "4242");
    try {
      const indexOf = (name: string) => JSON.parse(ip("-json", "link", "show", name))[0].ifindex;
      const zones = ["wgsva", "4242", `${indexOf("wgsva")}`, `${indexOf("4242")}`, "1", "99999"];
      await using server = await FakeServer.start("wgs0", Buffer.alloc(0));
      for (const zone of zones) {
        const peer: PeerStatus = {
          publicKey: PrivateKey.generate().publicKey(),
          endpoint: { host: `fe80::1%${zone}`, port: 5 },
          persistentKeepalive: "off",
          receivedBytes: 0n,
          sentBytes: 0n,
          allowedIps: [],
          unknown: [],
        };
        const status: DeviceStatus = { peers: [peer], unknown: [] };
        server.answer = encodeStatus(status);
        for (const field of ["endpoints", "dump"] as const) {
          assert.equal(
            formatField({ name: "wgs0", status }, field, false),
            await wg(["show", "wgs0", field]),
          );
        }
        const showconf = await wg(["showconf", "wgs0"]);
        assert.equal(formatShowconf(status), showconf);
        const json = JSON.parse(await ours(["show", "wgs0", "--json"]));
        assert.ok(showconf.includes(`Endpoint = ${json.wgs0.peers[0].endpoint}\n`));
      }
    } finally {
      ip("link", "del", "wgsva");
    }
  });

  for (const backend of ["ffi", "exec"] as const) {
    it(`prints the same as wg for a tunnel on ${backend}`, async () => {
      await using tunnel = await openTunnel({ name: "wgs0", backend });
      await tunnel.apply(`[Interface]
PrivateKey = ${"A".repeat(42)}E=
FwMark = 0x2a
[Peer]
PublicKey = ${"B".repeat(42)}A=
AllowedIPs = 10.0.0.0/24, fd00::/64
Endpoint = 127.0.0.1:1
PersistentKeepalive = 25
`);
      for (const words of [
        ["show", "wgs0"],
        ["show", "wgs0", "dump"],
        ["show", "all", "dump"],
      ]) {
        assert.equal(await ours(words), await wg(words));
      }
      for (const words of [["showconf", "wgs0"], ["show"], ["show", "interfaces"]]) {
        assert.equal(await ours(words), await wg(words));
      }
      const coloured = { WG_COLOR_MODE: "always" };
      assert.equal(await ours(["show", "wgs0"], coloured), await wg(["show", "wgs0"], coloured));
    });
  }

  it("prints secret keys in JSON only on request", async () => {
    await using tunnel = await openTunnel({ name: "wgs0", backend: "exec" });
    const secret = `${"A".repeat(42)}E=`;
    await tunnel.apply(`[Interface]\nPrivateKey = ${secret}\n`);
    const plain = await ours(["show", "--json"]);
    assert.ok(!plain.includes(secret));
    assert.deepEqual(JSON.parse(plain).wgs0.peers, []);
    const full = JSON.parse(await ours(["show", "wgs0", "--json", "--show-keys"]));
    const status = await tunnel.status();
    assert.equal(full.wgs0.privateKey, status.privateKey?.toBase64());
  });

  it("shows the other interfaces if one does not answer, names that one on standard error, and fails", async () => {
    await using _device = await FakeServer.start("wgs0", encodeStatus({ peers: [], unknown: [] }));
    await using _stopped = await StoppedServer.start("wgs1");
    await using _garbled = await FakeServer.start("wgs2", Buffer.from("what is this\n\n"));
    const shown: readonly (readonly [words: readonly string[], stdout: RegExp])[] = [
      [["show"], /^interface: wgs0\n(?!.*wgs[12])/s],
      [["show", "all", "listen-port"], /^wgs0\t0\n$/],
      [["show", "all", "--json"], /^\{\n {2}"wgs0": \{(?!.*wgs[12])/s],
      [["show", "wgs1"], /^$/],
    ];
    const runs = shown.map(async ([words, stdout]) => {
      await assert.rejects(ours(words), (error: unknown) => {
        assert.ok(error instanceof Error && "code" in error && "stdout" in error);
        assert.equal(error.code, 1);
        assert.match(String(error.stdout), stdout);
        assert.match(error.message, /^wg-bridge: Asking wgs1 for its state took longer /m);
        return true;
      });
    });
    await Promise.all(runs);
  });

  it("explains that an interface does not exist, and fails", async () => {
    const failure = run(bridge, ["show", "wgs9"]);
    await assert.rejects(failure, (error) => {
      assert.match(String(error), /wg-bridge: No WireGuard program serves wgs9/);
      return true;
    });
  });
});
