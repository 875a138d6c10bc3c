import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isLong } from "../clients/transfer.js";
import { onlyInSandbox } from "../sandbox.js";
import { engineProcesses } from "./engine-processes.js";
import { type EnginePair, farAddress, openPair } from "./engines.js";
import { digest, sendAll } from "./site.js";
import { echo } from "./streams.js";

const mebibyte = 1 << 20;

/** So many datagrams are on their way at once: fewer than any buffer holds. */
const window = 50;

interface Held {
  readonly descriptors: number;
  /** Of JavaScript and of its buffers, after a collection. */
  readonly heap: number;
  /** What the two engines have from the system. On ffi they are one process, and it counts once. */
  readonly engines: number;
}

/** Collects twice: what an object of Node's holds outside of JavaScript is let go in a task after the collection. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  collect();
  await setImmediate();
  collect();
}

/** An engine may close its end of a stream a little later than this process. */
const closingLimit = 10_000;

/** Returns how many descriptors this process and its engines have, once they are no more than before. */
async function descriptorsHeld({ tunnel }: EnginePair, before: number): Promise<number> {
  const processes = ["self", ...engineProcesses()];
  for (const deadline = Date.now() + closingLimit; ; ) {
    const { length } = processes.flatMap((pid) => readdirSync(`/proc/${pid}/fd`));
    if (length <= before || Date.now() > deadline) return length;
    await tunnel.stats();
  }
}

/** Returns what this process and its engines hold. */
async function held(pair: EnginePair, before?: Held): Promise<Held> {
  const { tunnel, far } = pair;
  const stats = await Promise.all([tunnel.stats(), far.stats()]);
  await collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return {
    descriptors: await descriptorsHeld(pair, before?.descriptors ?? Number.POSITIVE_INFINITY),
    heap: heapUsed + external,
    engines:
      tunnel.backend === "ffi"
        ? Math.max(...stats.map(({ memory }) => memory))
        : stats.reduce((sum, { memory }) => sum + memory, 0),
  };
}

/** So little that not even 100 bytes of each of 50,000 datagrams can have stayed. */
const flat = 4 * mebibyte;

function isFlat(before: Held, after: Held, engines: number): boolean {
  return (
    after.descriptors <= before.descriptors &&
    after.heap - before.heap < mebibyte &&
    after.engines - before.engines < engines
  );
}

/** Sends datagrams to an echo, each window after the answers to the one before. */
async function echoed(pair: EnginePair, port: number, count: number): Promise<void> {
  await using socket = await pair.tunnel.datagram();
  let answers = 0;
  let next = 0;
  await new Promise<void>((resolve) => {
    const send = () => {
      for (const end = next + window; next < end; next++) {
        const payload = Buffer.alloc(100);
        payload.writeUInt32BE(next);
        socket.send(payload, port, farAddress);
      }
    };
    const seen = new Set<number>();
    socket.on("message", (payload) => {
      assert.equal(payload.length, 100);
      seen.add(payload.readUInt32BE());
      if (seen.size < window) return;
      assert.ok([...seen].every((number) => number >= next - window && number < next));
      seen.clear();
      answers += window;
      if (answers === count) resolve();
      else send();
    });
    send();
  });
}

/** Connects, echoes a byte and disconnects, so many times. */
async function connected(
  { tunnel }: EnginePair,
  port: number,
  count: number,
  disconnect: (socket: Socket) => unknown,
): Promise<void> {
  for (let connection = 0; connection < count; connection++) {
    const socket = await tunnel.connect({ host: farAddress, port });
    const answer = once(socket, "data");
    socket.write("x");
    await answer;
    const closed = once(socket, "close");
    disconnect(socket);
    await closed;
  }
}

/**
 * Does something until it adds nothing any more, and to the engines fewer bytes than these. What leaks grows in every
 * round; what is only warming up does not.
 */
async function untilFlat(
  pair: EnginePair,
  something: () => Promise<void>,
  engines = flat,
): Promise<void> {
  const states: Held[] = [];
  // An engine collects garbage once its heap has doubled, and may grow in each round before that.
  const mayGrow = (round: number) => {
    const [first, latest] = [states[0]?.engines ?? 0, states.at(-1)?.engines ?? 0];
    return round < 6 || (round < 40 && latest < 2 * first + flat);
  };
  for (let round = 0; mayGrow(round); round++) {
    await something();
    const before = states.at(-1);
    const after = await held(pair, before);
    states.push(after);
    if (before !== undefined && isFlat(before, after, engines)) return;
  }
  assert.fail(`It grows without an end: ${JSON.stringify(states)}`);
}

for (const backend of ["exec", "ffi"] as const) {
  describe(`userspace tunnels on ${backend} under load`, function () {
    this.timeout(isLong ? 1_200_000 : 300_000);
    onlyInSandbox();

    let pair: EnginePair;
    before(async () => {
      pair = await openPair({ near: { backend }, far: { backend } });
    });
    after(() => pair[Symbol.asyncDispose]());

    it("reach a state in which 50,000 more datagrams make them hold no more", async () => {
      const port = await pair.echoDatagrams();
      await untilFlat(pair, () => echoed(pair, port, 50_000));
    });

    it("hold no more for slow readers than the option memory says", async () => {
      const memory = 4 * mebibyte;
      const options = { backend, memory };
      await using small = await openPair({ near: options, far: options });
      const streams = 16;
      const port = await small.serve((socket) => {
        // Without a limit each would give away 8 MiB: the buffers of both ends grow with what is on its way.
        socket.on("error", () => {}).write(Buffer.alloc(8 * mebibyte));
      });
      const sockets = await Promise.all(
        Array.from({ length: streams }, () => small.tunnel.connect({ host: farAddress, port })),
      );
      for (const socket of sockets) socket.pause();
      // Once so many round trips have passed, without a byte more, everybody waits for the readers.
      let sent = -1;
      for (let quiet = 0; quiet < 50; quiet++) {
        await small.tunnel.ping(farAddress);
        const { sentBytes } = await small.far.stats();
        if (sentBytes !== sent) quiet = 0;
        sent = sentBytes;
      }
      // Both ends' budgets, and beside them half a mebibyte for each socket between an engine and this program.
      assert.ok(sent > 0 && sent < 2 * memory + (streams * mebibyte) / 2, String(sent));
      for (const socket of sockets) socket.destroy();
    });

    const connections = isLong ? 10_000 : 1000;
    it(`reach a state in which ${connections} more connections make them hold no more`, async () => {
      const port = await pair.serve(echo);
      // So that none of them waits in TIME-WAIT.
      const reset = (socket: Socket) => socket.resetAndDestroy();
      await untilFlat(pair, () => connected(pair, port, connections, reset));
    });

    it(`hold nothing but TIME-WAIT of ${connections} connections that have ended`, async () => {
      const port = await pair.serve(echo);
      const end = (socket: Socket) => socket.end();
      // The first part is what an engine takes until it collects garbage for the first time. Then it does so whenever
      // its heap has doubled, in which each of the connections has 6,600 bytes until TIME-WAIT is over.
      const most = 32 * mebibyte + 2 * 6600 * connections;
      await untilFlat(pair, () => connected(pair, port, connections, end), most);
    });

    it("carry 1,000 connections at once", async () => {
      const port = await pair.serve(echo);
      const sockets = await Promise.all(
        Array.from({ length: 1000 }, () =>
          pair.tunnel.connect({ host: farAddress, port, allowHalfOpen: true }),
        ),
      );
      assert.ok((await pair.tunnel.stats()).connections >= 1000);
      const payload = randomBytes(20_000);
      const hash = createHash("sha256").update(payload).digest("hex");
      const echoes = sockets.map((socket) => digest(socket.end(payload)));
      for (const received of await Promise.all(echoes)) {
        assert.deepEqual(received, { hash, bytes: payload.length });
      }
    });

    const bytes = (isLong ? 1024 : 256) * mebibyte;
    it(`carry ${bytes} bytes each way at once, unchanged`, async () => {
      let received: ReturnType<typeof digest> | undefined;
      let sent: Promise<string> | undefined;
      const port = await pair.serve((socket) => {
        received = digest(socket);
        sent = sendAll(socket, bytes);
      });
      const socket = await pair.tunnel.connect({ host: farAddress, port, allowHalfOpen: true });
      const [hash, read] = await Promise.all([sendAll(socket, bytes), digest(socket)]);
      assert.deepEqual(await received, { hash, bytes });
      assert.deepEqual(read, { hash: await sent, bytes });
    });
  });
}
