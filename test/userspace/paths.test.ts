import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import {
  type DeviceConfig,
  openTunnel,
  PrivateKey,
  type TunnelSocket,
  type UserspaceOptions,
  type UserspaceTunnel,
} from "../../src/index.js";
import { onlyInSandbox } from "../sandbox.js";
import { farAddress, nearAddress } from "./engines.js";
import { digest, errorOf, sendAll } from "./site.js";
import { echo } from "./streams.js";
import { UdpRelay } from "./udp-relay.js";

const backends = ["exec", "ffi"] as const;

type Backend = (typeof backends)[number];

/** How long something may take to come about, in milliseconds. */
const limit = 90_000;

/** Calls a function until what it returns, or resolves with, is true. */
async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + limit; !(await isTrue()); await delay(10)) {
    assert.ok(performance.now() < deadline, `${what} has not come about`);
  }
}

/** Two tunnels with a relay between them. Only the near one knows where the other is. */
class Path implements AsyncDisposable {
  readonly near: UserspaceTunnel;
  readonly relay: UdpRelay;
  far: UserspaceTunnel;
  readonly #openFar: (listenPort: number) => Promise<UserspaceTunnel>;

  private constructor(
    near: UserspaceTunnel,
    far: UserspaceTunnel,
    relay: UdpRelay,
    openFar: (listenPort: number) => Promise<UserspaceTunnel>,
  ) {
    this.near = near;
    this.far = far;
    this.relay = relay;
    this.#openFar = openFar;
  }

  static async open(
    backend: Backend,
    more: (relay: UdpRelay) => Partial<UserspaceOptions> = () => ({}),
    host = "127.0.0.1",
  ): Promise<Path> {
    const [nearKey, farKey] = [PrivateKey.generate(), PrivateKey.generate()];
    const openFar = (listenPort: number, mtu = 1420) =>
      openTunnel({
        ...{ network: "userspace", backend, addresses: [farAddress], mtu },
        config: {
          privateKey: farKey,
          listenPort,
          peers: [{ publicKey: nearKey.publicKey(), allowedIps: [nearAddress] }],
        },
      });
    const first = await openFar(0);
    const { listenPort = 0 } = await first.status();
    const relay = await UdpRelay.open(listenPort);
    const endpoint = `${host}:${relay.port}`;
    const peer = { publicKey: farKey.publicKey(), endpoint, allowedIps: [farAddress] };
    const near = await openTunnel({
      ...{ network: "userspace", backend, addresses: [nearAddress] },
      config: { privateKey: nearKey, peers: [peer] },
      ...more(relay),
    });
    return new Path(near, first, relay, openFar);
  }

  /** Ends the far tunnel, which then knows nothing any more. What it says at its end is lost, as when a machine fails. */
  async stopFar(): Promise<number> {
    const { listenPort = 0 } = await this.far.status();
    this.relay.isCut = true;
    await this.far.close();
    return listenPort;
  }

  async startFar(listenPort: number): Promise<void> {
    this.far = await this.#openFar(listenPort);
    this.relay.isCut = false;
  }

  /** Connects to an echo at the far end. */
  async echo(more: { keepAliveInitialDelay?: number } = {}): Promise<TunnelSocket> {
    const server = await this.far.listen({ port: 0, allowHalfOpen: true });
    server.on("connection", echo);
    const port = server.address()?.port ?? 0;
    const keepAlive = more.keepAliveInitialDelay !== undefined;
    return this.near.connect({ host: farAddress, port, allowHalfOpen: true, keepAlive, ...more });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.near.close(), this.far.close()]);
    this.relay[Symbol.dispose]();
  }
}

/** Returns the present configuration of a tunnel, to change it. */
async function configOf(tunnel: UserspaceTunnel): Promise<DeviceConfig> {
  const { privateKey, listenPort = 0, peers } = await tunnel.status();
  assert.ok(privateKey !== undefined);
  return { privateKey, listenPort, peers };
}

/** Expects an answer to one message. */
async function answers(socket: Socket): Promise<void> {
  const back = once(socket, "data");
  socket.write("hello");
  assert.equal(String((await back)[0]), "hello");
}

/** Sends bytes to an echo and back, and does something once the first have come. */
async function transferDuring(
  socket: Socket,
  bytes: number,
  happen: () => Promise<void>,
): Promise<void> {
  const back = digest(socket);
  const begun = once(socket, "data");
  const sent = sendAll(socket, bytes);
  await begun;
  const [hash, read] = await Promise.all([sent, back, happen()]);
  assert.deepEqual(read, { hash, bytes });
}

/** Both backends wait for the engine's timers at the same time. */
function onBoth(test: (backend: Backend) => Promise<void>): () => Promise<void> {
  return async () => {
    await Promise.all(backends.map(test));
  };
}

describe("a userspace tunnel whose path or peer fails", function () {
  this.timeout(180_000);
  onlyInSandbox();

  it(
    "goes on with each stream once the path is back, and every byte arrives",
    onBoth(async (backend) => {
      await using path = await Path.open(backend);
      const { near, relay } = path;
      await transferDuring(await path.echo(), 2_000_000, async () => {
        relay.isCut = true;
        const { retransmissions } = await near.stats();
        // Nothing is acknowledged any more, so that each of these is the timer's, and later than the one before.
        await until(
          "a long loss",
          async () => (await near.stats()).retransmissions > retransmissions + 3,
        );
        relay.isCut = false;
      });
      assert.ok(relay.lost > 0);
    }),
  );

  it(
    "ends a stream that asked for keep-alive once its peer has been silent",
    onBoth(async (backend) => {
      await using path = await Path.open(backend);
      const socket = await path.echo({ keepAliveInitialDelay: 1000 });
      await answers(socket);
      path.relay.isCut = true;
      const error = await errorOf(socket.resume());
      assert.equal(Reflect.get(Object(error), "code"), "ETIMEDOUT");
      assert.ok(path.relay.lost > 0);
    }),
  );

  it(
    "reaches a peer again that was away and has forgotten it, and learns that streams are gone",
    onBoth(async (backend) => {
      await using path = await Path.open(backend);
      const socket = await path.echo();
      await answers(socket);
      const failed = errorOf(socket.resume());
      const port = await path.stopFar();
      const gone = { host: farAddress, port: 9, timeout: 300 };
      await assert.rejects(path.near.connect(gone), { code: "ETIMEDOUT" });
      await path.startFar(port);
      // The engine makes a new handshake once nothing has come for 15 s.
      socket.write("is anybody there?");
      await until("an answer", async () => {
        const pinged = path.near.ping(farAddress, { timeout: 500 });
        return pinged.then(
          () => true,
          () => false,
        );
      });
      await answers(await path.echo());
      assert.equal(Reflect.get(Object(await failed), "code"), "ECONNRESET");
    }),
  );

  for (const backend of backends) {
    describe(`on ${backend}`, () => {
      it("follows a peer that changes its address and its port, in the middle of a stream", async () => {
        await using path = await Path.open(backend);
        await transferDuring(await path.echo(), 2_000_000, async () => {
          const { address, port } = await path.relay.move("127.0.0.2");
          await until("the new endpoint", async () => {
            const { endpoint } = (await path.near.status()).peers[0] ?? {};
            return endpoint?.host === address && endpoint.port === port;
          });
        });
      });

      it("is followed when its own port changes, in the middle of a stream", async () => {
        await using path = await Path.open(backend);
        await transferDuring(await path.echo(), 2_000_000, async () => {
          const before = (await path.near.status()).listenPort;
          await path.near.update({ listenPort: 0 });
          assert.notEqual((await path.near.status()).listenPort, before);
        });
      });

      it("looks up its peer's name again while nothing answers", async () => {
        const asked: string[] = [];
        const resolve = {
          interval: 20,
          silentFor: 0,
          lookup: async (host: string) => {
            asked.push(host);
            return asked.length < 3 ? "127.0.0.9" : "127.0.0.1"; // nobody is at the first
          },
        };
        await using path = await Path.open(backend, () => ({ resolve }), "peer.example");
        await answers(await path.echo());
        assert.ok(asked.length >= 3 && asked.every((host) => host === "peer.example"));
        const { endpoint } = (await path.near.status()).peers[0] ?? {};
        assert.deepEqual(endpoint, { host: "127.0.0.1", port: path.relay.port });
      });

      it("carries a stream and datagrams while its MTU changes", async () => {
        await using path = await Path.open(backend);
        const { near, far } = path;
        const config = await configOf(near);
        const socket = await path.echo();
        await transferDuring(socket, 8_000_000, async () => {
          for (const mtu of [1280, 9000, 65_535, 1420, 1280, 9000]) {
            await near.apply({ ...config, mtu });
            await using datagram = await near.datagram();
            await using answering = await far.datagram();
            answering.on("message", (payload, { port, address }) =>
              answering.send(payload, port, address),
            );
            const answered = once(datagram, "message");
            const question = Buffer.alloc(1200, "x");
            const send = () => datagram.send(question, answering.address().port, farAddress);
            send();
            // If the relay's socket is full of the stream's datagrams, the kernel drops more of them, and this one.
            const again = setInterval(send, 200);
            try {
              assert.deepEqual((await answered)[0], question);
            } finally {
              clearInterval(again);
            }
          }
        });
      });

      for (const mtu of [1280, 9000, 65_535]) {
        it(`carries every byte, and the longest pings, at MTU ${mtu}`, async () => {
          await using path = await Path.open(backend, () => ({ mtu }));
          await path.far.apply({ ...(await configOf(path.far)), mtu });
          await transferDuring(await path.echo(), 1_000_000, async () => {});
          await path.near.ping(farAddress, { size: Math.min(mtu, 65_000) - 28 });
        });
      }
    });
  }
});
