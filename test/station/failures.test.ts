import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import fc from "fast-check";
import { hasCode } from "../../src/errors.js";
import { encodeFrame } from "../../src/station/frames.js";
import { errorOf } from "../userspace/site.js";
import { type FakeTunnel, openFakeTunnel } from "./engine.js";

describe("a station that does not do as it should", () => {
  let fake: FakeTunnel;
  let server: Server;
  let port = 0;

  beforeEach(async () => {
    fake = await openFakeTunnel();
    server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => {}).write("hello");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const bound = server.address();
    assert.ok(bound !== null && typeof bound === "object");
    ({ port } = bound);
  });

  afterEach(async () => {
    server.close();
    await fake[Symbol.asyncDispose]();
  });

  const target = () => ({ host: "127.0.0.1", port });

  /** Answers each request for a stream with these bytes, and perhaps hangs up. */
  function answerWith(bytes: Uint8Array, hangsUp = false): void {
    fake.station.intercept = (request, leg) => {
      if (request.kind !== "connect") return false;
      leg.write(bytes);
      if (hangsUp) leg.end();
      return true;
    };
  }

  for (const [title, bytes] of [
    ["that is not JSON", Buffer.from([0, 0, 0, 1, 0x7b])],
    ["that is not an object", Buffer.from([0, 0, 0, 2, 0x5b, 0x5d])],
    ["that is too long", Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ["without a stream's number", encodeFrame({})],
    ["with a number that is none", encodeFrame({ id: "7" })],
  ] as const) {
    it(`fails a connection by an answer ${title}`, async () => {
      answerWith(bytes);
      await assert.rejects(fake.tunnel.connect(target()), { code: "WG_BRIDGE_ENGINE" });
    });
  }

  it("fails a connection if it hangs up before the answer, or in it", async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from([0, 0])]) {
      answerWith(bytes, true);
      await assert.rejects(fake.tunnel.connect(target()), {
        code: "ECONNABORTED",
        message: `connect ECONNABORTED 127.0.0.1:${port}: the engine hung up`,
      });
    }
  });

  it("reads an answer that arrives byte by byte, with data after it", async () => {
    fake.station.intercept = (request, leg) => {
      if (request.kind !== "connect") return false;
      const bytes = Buffer.concat([encodeFrame({ id: 1 }), Buffer.from("data")]);
      const next = (at: number): void => {
        if (at < bytes.length)
          leg.write(bytes.subarray(at, at + 1), () => setImmediate(next, at + 1));
      };
      next(0);
      return true;
    };
    const socket = await fake.tunnel.connect(target());
    let read = "";
    while (read.length < 4) read += (await once(socket, "data"))[0];
    assert.equal(read, "data");
    assert.equal(socket.bytesRead, 4);
    socket.destroy();
  });

  it("times out if it never answers", async () => {
    fake.station.intercept = ({ kind }) => kind === "connect";
    await assert.rejects(fake.tunnel.connect({ ...target(), timeout: 1 }), {
      code: "ETIMEDOUT",
      errno: -110,
      syscall: "connect",
    });
  });

  it("may say that a stream has failed before the socket knows its number", async () => {
    fake.station.intercept = (request, leg) => {
      if (request.kind !== "connect") return false;
      fake.station.tell({ event: "failed", stream: 77, errno: "ETIMEDOUT", message: "silence" });
      setImmediate(() => leg.end(encodeFrame({ id: 77 })));
      return true;
    };
    const socket = fake.tunnel.createConnection(target());
    await once(socket, "connect");
    const error = await errorOf(socket.resume());
    assert.ok(error instanceof Error && "code" in error);
    assert.equal(error.code, "ETIMEDOUT");
    assert.match(error.message, /silence/);
  });

  it("ends all by a frame on the control channel that is not one", async () => {
    const socket = await fake.tunnel.connect(target());
    const failed = errorOf(socket);
    fake.station.write(Buffer.from([0, 0, 0, 1, 0x7b]));
    fake.lose();
    assert.ok(hasCode(await failed, "WG_BRIDGE_LOST"));
    await assert.rejects(fake.tunnel.connect(target()), { code: "WG_BRIDGE_LOST" });
  });

  it("may send events about what is not there", async () => {
    for (const event of [
      { event: "incoming", listener: 99, stream: 98, address: "10.0.0.1", port: 1 },
      { event: "incoming" },
      { event: "failed" },
      { event: "failed", stream: 97 },
      { event: "dropped", datagram: 96, count: 1 },
      { event: "something new" },
    ]) {
      fake.station.tell(event);
    }
    await fake.tunnel.stats();
    assert.ok(fake.station.requests.some(({ kind, stream }) => kind === "reset" && stream === 98));
    const socket = await fake.tunnel.connect(target());
    socket.destroy();
  });

  it("may send any events, and no request is disturbed", async () => {
    const socket = await fake.tunnel.connect(target());
    const names = ["incoming", "failed", "dropped", "proxy", ""];
    const fields = [
      "listener",
      "stream",
      "datagram",
      "address",
      "port",
      "count",
      "errno",
      "message",
    ];
    const event = fc.record({
      event: fc.oneof(fc.constantFrom(...names), fc.jsonValue()),
      fields: fc.dictionary(fc.constantFrom(...fields), fc.jsonValue()),
      id: fc.option(fc.jsonValue(), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 20 }), async (events) => {
        // A stream of that number may fail, and is none that this test has.
        for (const { fields: given, ...one } of events) {
          fake.station.tell({ ...given, ...one, event: one.event ?? "null", stream: 1e6 });
        }
        await fake.tunnel.stats();
      }),
    );
    assert.equal(socket.destroyed, false);
    socket.destroy();
  });

  it("is killed with a hundred streams open: each fails, and says why", async () => {
    const sockets = await Promise.all(
      Array.from({ length: 100 }, () => fake.tunnel.connect(target())),
    );
    const ended: Socket[] = [];
    for (const socket of sockets) socket.resume().on("end", () => ended.push(socket));
    const listening = await fake.tunnel.listen({ port: 0 });
    const datagram = await fake.tunnel.datagram();
    const others = Promise.all([errorOf(listening), errorOf(datagram)]);
    const failed = Promise.all(sockets.map((socket) => errorOf(socket)));
    const waiting = assert.rejects(
      Promise.all([fake.tunnel.stats(), fake.tunnel.resolve4("server.tunnel")]),
      { code: "WG_BRIDGE_LOST" },
    );
    fake.lose();
    for (const error of [...(await failed), ...(await others)]) {
      assert.ok(hasCode(error, "WG_BRIDGE_LOST"), String(error));
    }
    assert.deepEqual(ended, [], "a killed engine looks like the end of the data");
    await waiting;
    await assert.rejects(fake.tunnel.connect(target()), { code: "WG_BRIDGE_LOST" });
    await assert.rejects(fake.tunnel.listen({ port: 0 }), { code: "WG_BRIDGE_LOST" });
    await assert.rejects(fake.tunnel.datagram(), { code: "WG_BRIDGE_LOST" });
  });

  it("is closed: each socket fails with that reason", async () => {
    const socket = await fake.tunnel.connect(target());
    const connecting = fake.tunnel.connect(target());
    const failed = errorOf(socket);
    const refused = assert.rejects(connecting, { code: "WG_BRIDGE_CLOSED" });
    await fake.tunnel.close();
    assert.ok(hasCode(await failed, "WG_BRIDGE_CLOSED"));
    await refused;
    await assert.rejects(fake.tunnel.connect(target()), { code: "WG_BRIDGE_CLOSED" });
    await assert.rejects(fake.tunnel.stats(), { code: "WG_BRIDGE_CLOSED" });
  });

  it("is closed without an error for a socket that listens for none", async () => {
    const socket = await fake.tunnel.connect(target());
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await fake.tunnel.close();
    assert.equal(await closed, false);
  });

  it("hears of each option once, and of none that changes nothing", async () => {
    const socket = fake.tunnel.createConnection({ ...target(), noDelay: true });
    socket.setNoDelay(true).setKeepAlive(true, 1_500);
    await once(socket, "connect");
    socket.setKeepAlive(true, 1_500).setNoDelay(false).setKeepAlive(false);
    await fake.tunnel.stats();
    const options = fake.station.requests.filter(({ kind }) => kind === "option");
    assert.deepEqual(
      options.map(({ keepAlive, noDelay }) => keepAlive ?? noDelay),
      [1_500, false, false],
    );
    socket.destroy();
  });

  it("drops datagrams, and their socket says how many", async () => {
    const datagram = await fake.tunnel.datagram();
    const dropped = once(datagram, "dropped");
    const id = 1; // the first that it makes
    fake.station.tell({ event: "dropped", datagram: id, count: 3 });
    assert.deepEqual(await dropped, [3]);
    const failed = errorOf(datagram);
    fake.station.tell({
      event: "failed",
      datagram: id,
      address: "10.9.9.9",
      port: 5,
      errno: "EHOSTUNREACH",
      message: "no peer",
    });
    const error = await failed;
    assert.ok(error instanceof Error);
    assert.equal(error.message, "send EHOSTUNREACH 10.9.9.9:5: no peer");
    datagram.close();
  });

  it("is not asked to connect to where a library wants its socket to go", async () => {
    const socket = fake.tunnel.createConnection(target());
    const connected = new Promise<void>((resolve) => {
      socket.connect(1, "192.0.2.1", resolve);
    });
    await connected;
    assert.equal(socket.remotePort, port);
    socket.destroy();
    assert.throws(() => socket.connect(port, "127.0.0.1"), { code: "WG_BRIDGE_UNSUPPORTED" });
  });
});
