import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { makeTun } from "../../bench/tunnels/boringtun.js";
import { packageRoot } from "../../src/artifacts.js";
import type { TunnelOptions } from "../../src/index.js";
import { pingAll } from "../ping.js";
import { onlyInSandbox } from "../sandbox.js";
import { digest, sendAll } from "../userspace/site.js";
import { echo, testStreams } from "../userspace/streams.js";
import { type Beside, farInterface, openBeside } from "./beside.js";
import { keepPrivileges, other, otherProgram } from "./programs.js";

/** Bytes of an echo request besides its payload. */
const headers = { 4: 28, 6: 48 } as const;

/** The largest MTU whose packets fit in a datagram over IPv4: 65,507 bytes minus WireGuard's header and tag. */
const largestMtu = 65_475;

interface Peer {
  readonly name: string;
  readonly mark: string;
  readonly options: Partial<TunnelOptions>;
  readonly mtus: readonly number[];
}

const own = "our own exec";

const peers: readonly Peer[] = [
  { name: own, mark: "", options: { backend: "exec" }, mtus: [1280, 9000, largestMtu] },
  {
    ...{ name: "upstream's wireguard-go", mark: "", mtus: [1280, 9000, largestMtu] },
    options: other(`${packageRoot}/build/upstream/wireguard-go`),
  },
  // gotatun reads a packet from its interface into 4096 bytes, and truncates the rest (PacketBufPool).
  peer("gotatun", [1280, 4096]),
  peer("boringtun-cli", [1280, 9000, largestMtu]),
];

function peer(program: string, mtus: readonly number[]): Peer {
  const { name, mark, path } = otherProgram(program);
  return { name, mark, options: other(path), mtus };
}

before(keepPrivileges);

let number = 1;

for (const { name, mark, options, mtus } of peers) {
  for (const backend of ["exec", "ffi"] as const) {
    describe(`a userspace tunnel on ${backend} beside ${name}, on TUN${mark}`, function () {
      this.timeout(120_000);
      onlyInSandbox();
      before(function () {
        if (mark !== "") this.skip();
      });
      const open = async (mtu = 1420) => {
        if (name === "boringtun-cli") await makeTun(farInterface(number), mtu);
        return openBeside({ number: number++, near: { backend }, far: options, mtu });
      };

      // One program is enough: all of them end in the same kernel's TCP.
      if (name === own) describe("its sockets", () => testStreams(open, 8_000_000));

      it("carries bytes, datagrams and pings from either end, over IPv4 and IPv6", async () => {
        await using site = await open();
        for (const family of [4, 6] as const) await carriesAll(site, family);
        const [seen] = (await site.tunnel.status()).peers;
        assert.ok(seen?.latestHandshake !== undefined);
      });

      for (const mtu of mtus) {
        it(`carries whole packets, both ways, at MTU ${mtu}`, async () => {
          await using site = await open(mtu);
          for (const family of [4, 6] as const) {
            const { host } = target(site, family);
            await site.tunnel.ping(host, { size: mtu - headers[family] });
          }
          const port = await site.serve(echo);
          await echoes(site.tunnel.createConnection({ ...target(site, 4), port }));
        });
      }
    });
  }
}

function target({ farAddress, farAddress6 }: Beside, family: 4 | 6) {
  return { host: family === 4 ? farAddress : farAddress6, allowHalfOpen: true };
}

/** Sends bytes to an echo, and compares what comes back by its SHA-256. */
async function echoes(socket: Socket): Promise<void> {
  const bytes = 2_000_000;
  const [hash, back] = await Promise.all([sendAll(socket, bytes), digest(socket)]);
  assert.deepEqual(back, { hash, bytes });
}

/** Sends all that a tunnel can carry over one family of addresses. */
async function carriesAll(site: Beside, family: 4 | 6): Promise<void> {
  const { tunnel } = site;
  const { host } = target(site, family);
  const near = family === 4 ? site.nearAddress : site.nearAddress6;

  assert.equal((await tunnel.ping(host)).address, host);
  await pingAll(near, 3, ["-i", "0.02", "-s", "1200"]);

  await echoes(tunnel.createConnection({ ...target(site, family), port: await site.serve(echo) }));
  await using server = await tunnel.listen({ port: 0, allowHalfOpen: true });
  server.on("connection", echo);
  const port = server.address()?.port ?? 0;
  await echoes(connect({ host: near, port, allowHalfOpen: true }));

  await using socket = await tunnel.datagram();
  const answering = await site.echoDatagrams();
  // The largest is cut into fragments, unless the MTU holds it.
  for (const size of [0, 1200, 20_000]) {
    const answered = once(socket, "message");
    socket.send(Buffer.alloc(size, family), answering, host);
    const [payload, { address }] = await answered;
    assert.deepEqual(payload, Buffer.alloc(size, family));
    assert.equal(address, host);
  }
}
