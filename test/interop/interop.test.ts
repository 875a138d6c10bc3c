import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { on } from "node:events";
import { promisify } from "node:util";
import { makeTun } from "../../bench/tunnels/boringtun.js";
import { allowedIp, attach, PresharedKey, type Tunnel } from "../../src/index.js";
import { Pair } from "../pair.js";
import { ip, onlyInSandbox } from "../sandbox.js";
import { assertSameSession } from "../session.js";
import { keepPrivileges, other, otherProgram } from "./programs.js";

const run = promisify(execFile);
const backends = ["ffi", "exec"] as const;

/** Bytes of an echo request besides its payload. */
const ipAndIcmpHeaders = 28;

/** The largest MTU whose packets fit in a datagram over IPv4: 65,507 bytes minus WireGuard's header and tag. */
const largestMtu = 65_475;

const programs = [
  // gotatun reads a packet from its interface into 4096 bytes, and truncates the rest (PacketBufPool).
  { name: "gotatun", mtus: [1280, 1420, 4096] },
  { name: "boringtun-cli", mtus: [1280, 1420, 9000, largestMtu] },
].map(({ name, mtus }) => ({ ...otherProgram(name), mtus }));

before(keepPrivileges);

let number = 10;

for (const { name, mtus, mark, path } of programs) {
  for (const backend of backends) {
    describe(`wg-bridge on ${backend} beside ${name}${mark}`, () => {
      onlyInSandbox();
      before(function () {
        if (mark !== "") this.skip();
      });
      const open = (more: Partial<Parameters<typeof Pair.open>[0]> = {}) =>
        Pair.open({ number: number++, near: { backend }, far: other(path), ...more });

      it("completes a handshake with a preshared key, and carries every byte", async () => {
        await using pair = await open();
        await pair.ping(3);
        await pair.transfer(8_000_000);
        const [peer] = (await pair.near.status()).peers;
        assert.ok(peer?.latestHandshake !== undefined && peer.receivedBytes > 8_000_000n);
      });

      it("completes no handshake with a different preshared key", async () => {
        await using pair = await open({
          near: { backend, logLevel: "verbose" },
          farPresharedKey: PresharedKey.generate(),
        });
        const refusal = (async () => {
          for await (const [line] of on(pair.near, "log")) {
            if (/invalid response/i.test(line)) return;
          }
        })();
        await assert.rejects(run("ping", ["-c1", "-W1", pair.farAddress]));
        await refusal;
        assert.equal((await pair.near.status()).peers[0]?.latestHandshake, undefined);
      });

      it("is followed when its port changes", async () => {
        await using pair = await open();
        await pair.ping(1);
        await pair.near.update({ listenPort: 51_234 });
        await pair.ping(5);
        assert.equal((await pair.far.status()).peers[0]?.endpoint?.port, 51_234);
      });

      for (const mtu of mtus) {
        it(`carries whole packets and every byte at MTU ${mtu}`, async () => {
          if (name === "boringtun-cli") await makeTun(`wgf${number}`, mtu);
          await using pair = await open({ mtu });
          await pair.ping(3, mtu - ipAndIcmpHeaders);
          await pair.transfer(4_000_000);
        });
      }

      if (name === "gotatun") {
        it("receives whole packets at MTU 9000, although it cannot send them", async () => {
          await using pair = await open({ mtu: 9000 });
          const echoes = ["netns", "exec", pair.space, "nstat", "-asz", "IcmpInEchos"];
          const size = String(9000 - ipAndIcmpHeaders);
          await assert.rejects(
            run("ping", ["-M", "do", "-c1", "-W1", "-s", size, pair.farAddress]),
          );
          assert.match(ip(...echoes), /^IcmpInEchos +1 /m);
        });
      }

      it("keeps its session when the same configuration is applied again", async () => {
        await using pair = await open();
        await pair.ping(1);
        const [before] = (await pair.near.status()).peers;
        const pings = pair.ping(20);
        for (let time = 0; time < 5; time++) await pair.far.apply(pair.farConfig);
        await pings;
        const [after] = (await pair.near.status()).peers;
        assertSameSession(after, before, 20);
      });

      // boringtun panics when an existing peer is changed.
      if (name === "gotatun") {
        it("loses an allowed IP, although its UAPI cannot remove one", async () => {
          await using pair = await open();
          const [peer] = pair.farConfig.peers;
          assert.ok(peer !== undefined);
          const more = [...peer.allowedIps, allowedIp("10.77.0.0/16")];
          await pair.far.apply({ ...pair.farConfig, peers: [{ ...peer, allowedIps: more }] });
          await pair.far.apply(pair.farConfig);
          assert.deepEqual((await pair.far.status()).peers[0]?.allowedIps, peer.allowedIps);
        });
      }

      it("reads and changes its interface", async () => {
        await using pair = await open();
        await using attached = await attach(pair.far.name);
        const before = await attached.status();
        assert.equal(before.peers[0]?.publicKey, pair.nearConfig.privateKey?.publicKey());
        await attached.apply({ ...before, peers: [] });
        assert.deepEqual((await attached.status()).peers, []);
      });
    });
  }
}

const built = programs.filter(({ mark }) => mark === "");
const noneBuilt =
  built.length > 0 ? "" : " [skipped: no other program was built: run scripts/interop]";

describe("a session older than two minutes", () => {
  onlyInSandbox();

  // WireGuard's REKEY_AFTER_TIME is 120 s. All combinations wait for it together.
  it(`is renewed without losing a packet${noneBuilt}`, async function () {
    if (built.length === 0) this.skip();
    this.timeout(240_000);
    const combinations = built.flatMap((program) =>
      backends.map((backend) => ({ backend, path: program.path })),
    );
    await Promise.all(combinations.map(({ backend, path }) => renew(backend, path)));
  });
});

async function renew(backend: (typeof backends)[number], path: string): Promise<void> {
  await using pair = await Pair.open({ number: number++, near: { backend }, far: other(path) });
  await pair.ping(1);
  // Ask only our end: boringtun reports how long ago a handshake was, not when.
  const first = await latestHandshake(pair.near);
  // Ten pings take two seconds, so 90 turns take three minutes.
  for (let turn = 0; turn < 90; turn++) {
    await pair.ping(10, 56, 0.2);
    if ((await latestHandshake(pair.near)) > first + 60_000) return;
  }
  assert.fail(`no new handshake within three minutes: ${backend} beside ${path}`);
}

/** Milliseconds since 1970. */
async function latestHandshake(tunnel: Tunnel): Promise<number> {
  const { peers } = await tunnel.status();
  return peers[0]?.latestHandshake?.getTime() ?? 0;
}
