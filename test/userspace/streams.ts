import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, Socket } from "node:net";
import type { TunnelServer } from "../../src/index.js";
import { digest, errorOf, type Site, sendAll } from "./site.js";

/** Echoes what a socket receives, and ends with it. */
export const echo = (socket: Socket) => void socket.on("error", () => {}).pipe(socket);

/**
 * Tests what a program does with the sockets of a userspace tunnel. Of each direction `bytes` are transferred. Must be
 * called inside a describe().
 */
export function testStreams(open: () => Promise<Site>, bytes: number): void {
  let site: Site;

  before(async () => {
    site = await open();
  });

  after(() => site[Symbol.asyncDispose]());

  const connect = (port: number, more: { readonly allowHalfOpen?: boolean } = {}) =>
    site.tunnel.connect({ host: site.farAddress, port, ...more });

  it("connects, and says where its ends are", async () => {
    const port = await site.serve(echo);
    const socket = await connect(port);
    assert.ok(socket instanceof Socket);
    assert.deepEqual(
      [socket.remoteAddress, socket.remotePort, socket.remoteFamily],
      [site.farAddress, port, "IPv4"],
    );
    assert.equal(socket.localAddress, site.nearAddress);
    assert.deepEqual(socket.address(), {
      address: site.nearAddress,
      family: "IPv4",
      port: socket.localPort,
    });
    assert.deepEqual(
      [socket.connecting, socket.pending, socket.readyState],
      [false, false, "open"],
    );
    assert.deepEqual([socket.bytesRead, socket.bytesWritten], [0, 0]);
    socket.write("hello");
    assert.equal(String((await once(socket, "data"))[0]), "hello");
    assert.deepEqual([socket.bytesRead, socket.bytesWritten], [5, 5]);
    socket.end();
    await once(socket, "close");
    assert.deepEqual([socket.bytesRead, socket.bytesWritten], [5, 5]);
  });

  it("connects at once in Node's synchronous form, and takes writes before", async () => {
    const port = await site.serve(echo);
    let connected = 0;
    const socket = site.tunnel.createConnection({ host: site.farAddress, port }, () => {
      connected++;
    });
    assert.deepEqual(
      [socket.connecting, socket.pending, socket.readyState],
      [true, true, "opening"],
    );
    const ready = once(socket, "ready");
    socket.end("early");
    await ready;
    assert.deepEqual([connected, socket.connecting], [1, false]);
    let read = "";
    socket.setEncoding("utf8").on("data", (text) => {
      read += text;
    });
    await once(socket, "close");
    assert.equal(read, "early");
  });

  it("can be paused before it is connected", async () => {
    const port = await site.serve((socket) => socket.end("all of it"));
    const socket = site.tunnel.createConnection({ host: site.farAddress, port }).pause();
    await once(socket, "connect");
    assert.equal((await digest(socket)).bytes, 9);
  });

  it(`carries ${bytes} bytes each way, unchanged`, async () => {
    let received: ReturnType<typeof digest> | undefined;
    let sent: Promise<string> | undefined;
    const port = await site.serve((socket) => {
      received = digest(socket);
      sent = sendAll(socket, bytes);
    });
    const socket = await connect(port, { allowHalfOpen: true });
    const [hash, read] = await Promise.all([sendAll(socket, bytes), digest(socket)]);
    assert.deepEqual(await received, { hash, bytes });
    assert.deepEqual(read, { hash: await sent, bytes });
  });

  it("goes on reading after it has ended, and the other way", async () => {
    const port = await site.serve((socket) => {
      socket.on("data", (piece) => assert.equal(String(piece), "question"));
      socket.on("end", () => socket.end("answer"));
    });
    const asking = await connect(port);
    asking.end("question");
    assert.equal(String((await once(asking, "data"))[0]), "answer");
    await once(asking, "close");

    let late: ReturnType<typeof digest> | undefined;
    const other = await site.serve((socket) => {
      socket.end("first");
      late = digest(socket);
    });
    const socket = await connect(other, { allowHalfOpen: true });
    socket.resume();
    await once(socket, "end");
    assert.equal(socket.writable, true);
    socket.end("last");
    await once(socket, "close");
    assert.equal((await late)?.bytes, 4);
  });

  it("ends its own side with the other's, unless it may be half open", async () => {
    let ended: Promise<unknown> | undefined;
    const port = await site.serve((socket) => {
      ended = once(socket.resume(), "end");
      socket.end();
    });
    const socket = await connect(port);
    await once(socket.resume(), "close");
    await ended;
  });

  it("holds up whoever writes to a slow reader", async () => {
    const resumed: (() => void)[] = [];
    let received: ReturnType<typeof digest> | undefined;
    const port = await site.serve((socket) => {
      socket.pause();
      resumed.push(() => {
        received = digest(socket);
      });
    });
    const socket = await connect(port);
    const size = 64 << 20;
    let isWritten = false;
    const sending = sendAll(socket, size).then((hash) => {
      isWritten = true;
      return hash;
    });
    for (let turn = 0; turn < 20; turn++) await site.tunnel.stats();
    assert.equal(isWritten, false);
    assert.ok(socket.writableLength < 2 << 20, String(socket.writableLength));
    for (const resume of resumed) resume();
    const hash = await sending;
    assert.deepEqual(await received, { hash, bytes: size });
    socket.destroy();
  });

  it("says that the other end has reset it, after the data before", async () => {
    const port = await site.serve((socket) => {
      socket.on("error", () => {});
      socket.write("before", () => socket.once("data", () => socket.resetAndDestroy()));
    });
    const socket = await connect(port);
    let read = "";
    socket.on("data", (piece) => {
      read += piece;
      socket.write("now");
    });
    const error = await errorOf(socket);
    assert.equal(read, "before");
    assert.ok(error instanceof Error && "code" in error && "errno" in error);
    assert.deepEqual([error.code, error.errno], ["ECONNRESET", -104]);
  });

  it("resets the other end", async () => {
    const failed: Promise<unknown>[] = [];
    const port = await site.serve((socket) => {
      failed.push(errorOf(socket.resume()));
      socket.write("there");
    });
    const socket = await connect(port);
    await once(socket, "data");
    socket.resetAndDestroy();
    assert.equal(socket.destroyed, true);
    await once(socket, "close");
    const error = await failed[0];
    assert.ok(error instanceof Error && "code" in error);
    assert.equal(error.code, "ECONNRESET");
  });

  it("can be destroyed before it connects, in the middle, and after its end", async () => {
    const gone: Promise<unknown>[] = [];
    const port = await site.serve((socket) => {
      socket.on("error", () => {}); // it may be reset
      gone.push(new Promise((resolve) => socket.once("close", resolve)));
      const write = () => {
        while (socket.write(Buffer.alloc(65_536)));
      };
      socket.on("drain", write);
      write();
    });
    const early = site.tunnel.createConnection({ host: site.farAddress, port });
    early.on("connect", () => assert.fail("it has connected"));
    early.destroy();
    await once(early, "close");

    const middle = await connect(port);
    await once(middle, "data");
    middle.destroy();
    await once(middle, "close");
    await gone.at(-1);

    const late = await connect(await site.serve((socket) => socket.end()));
    await once(late.resume(), "close");
    late.destroy();
    const reason = new Error("mine");
    const blamed = await connect(port);
    blamed.destroy(reason);
    assert.equal(await errorOf(blamed), reason);
    await Promise.all(gone);
  });

  it("is refused as on any network", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    await assert.rejects(connect(port), {
      code: "ECONNREFUSED",
      errno: -111,
      syscall: "connect",
      address: site.farAddress,
      port,
      message: `connect ECONNREFUSED ${site.farAddress}:${port}`,
    });
    const socket = site.tunnel.createConnection({ host: site.farAddress, port });
    const error = await errorOf(socket);
    assert.ok(error instanceof Error && "code" in error);
    assert.equal(error.code, "ECONNREFUSED");
  });

  it("fails at once for an address that no peer has, and names it", async () => {
    await assert.rejects(
      site.tunnel.connect({ host: "192.0.2.77", port: 80 }),
      (error: unknown) => {
        assert.ok(error instanceof Error && "code" in error);
        assert.equal(error.code, "EHOSTUNREACH");
        assert.match(error.message, /192\.0\.2\.77/);
        return true;
      },
    );
  });

  it("fails for a name that nobody knows", async () => {
    await assert.rejects(site.tunnel.connect({ host: "no.such.name", port: 80 }), {
      code: "ENOTFOUND",
      syscall: "getaddrinfo",
      hostname: "no.such.name",
    });
    await assert.rejects(site.tunnel.resolve4("no.such.name"), { code: "ENOTFOUND" });
    await assert.rejects(site.tunnel.resolve6("no.such.name"), { code: "ENOTFOUND" });
    const looked = new Promise((resolve) => {
      site.tunnel.lookup("no.such.name", {}, (error) => resolve(error?.code));
    });
    assert.equal(await looked, "ENOTFOUND");
  });

  it("is given up by a signal, with its reason", async () => {
    const reason = new Error("changed my mind");
    const options = { host: site.farAddress, port: await site.serve(echo) };
    await assert.rejects(site.tunnel.connect(options, AbortSignal.abort(reason)), reason);
    const controller = new AbortController();
    const connecting = site.tunnel.connect(options, controller.signal);
    controller.abort(reason);
    await assert.rejects(connecting, reason);
    await assert.rejects(site.tunnel.listen({ port: 0 }, AbortSignal.abort(reason)), reason);
    await assert.rejects(site.tunnel.datagram({}, AbortSignal.abort(reason)), reason);
  });

  it("emits timeout when nothing has come for a while", async () => {
    const socket = await connect(await site.serve((far) => far.on("error", () => {})));
    socket.setTimeout(1);
    await once(socket, "timeout");
    socket.destroy();
  });

  it("listens", async () => {
    await using server = await site.tunnel.listen({ port: 0, allowHalfOpen: true });
    const bound = server.address();
    assert.ok(bound !== null && server.listening);
    const accepted: Socket[] = [];
    server.on("connection", (socket) => {
      accepted.push(socket);
      echo(socket);
    });
    const far = site.dial(bound.port);
    await once(far, "connect");
    const { localPort } = far;
    const [hash, read] = await Promise.all([sendAll(far, 1 << 20), digest(far)]);
    assert.deepEqual(read, { hash, bytes: 1 << 20 });
    const [socket] = accepted;
    assert.equal(socket?.localAddress, site.nearAddress);
    assert.equal(socket.localPort, bound.port);
    assert.equal(socket.remotePort, localPort);
    await assert.rejects(site.tunnel.listen({ port: bound.port, host: site.nearAddress }), {
      code: "EADDRINUSE",
      syscall: "listen",
      port: bound.port,
    });
  });

  it("closes a server after its last connection, and refuses new ones", async () => {
    const server = await site.tunnel.listen({ port: 0 });
    const port = server.address()?.port ?? 0;
    const accepted = once(server, "connection");
    const far = site.dial(port);
    far.on("error", () => {});
    const [socket] = await accepted;
    assert.ok(socket instanceof Socket);
    const count = new Promise((resolve) => server.getConnections((_, number) => resolve(number)));
    assert.equal(await count, 1);
    let isClosed = false;
    const closed = once(server, "close").then(() => {
      isClosed = true;
    });
    server.close();
    assert.deepEqual([server.listening, server.address()], [false, null]);
    await site.tunnel.stats();
    assert.equal(isClosed, false);
    const refused = await errorOf(site.dial(port));
    assert.ok(refused instanceof Error && "code" in refused);
    assert.equal(refused.code, "ECONNREFUSED");
    socket.resume().end();
    far.resume().end();
    await closed;
  });

  it("listens again at once on the port of a server that was closed", async () => {
    const { tunnel } = site;
    const first = await tunnel.listen({ port: 0 });
    const port = first.address()?.port ?? 0;
    const isTaken = async () => {
      for (const other of [{ port }, { port, host: site.nearAddress }]) {
        await assert.rejects(tunnel.listen(other), { code: "EADDRINUSE", syscall: "listen", port });
      }
    };
    const connectTo = async (server: TunnelServer) => {
      const accepted = once(server, "connection");
      const far = site.dial(port);
      const [near] = await accepted;
      assert.ok(near instanceof Socket);
      return { near, far };
    };

    const open = await connectTo(first);
    await isTaken();
    const firstClosed = once(first, "close");
    first.close();
    const second = await tunnel.listen({ port });
    await isTaken();

    // This end ends first, and so remembers the connection.
    const { near, far } = await connectTo(second);
    const gone = [once(near, "close"), once(far, "close")];
    near.resume().end();
    far.resume().once("end", () => far.end());
    await Promise.all(gone);
    const secondClosed = once(second, "close");
    second.close();
    await secondClosed;
    const third = await tunnel.listen({ port });
    await isTaken();

    // The server is another one, and the connection that is open does not notice.
    open.far.write("hello");
    assert.equal(String((await once(open.near, "data"))[0]), "hello");
    open.near.end();
    open.far.resume().end();
    await firstClosed;
    await third[Symbol.asyncDispose]();
  });

  it("drops connections beyond its maximum", async () => {
    await using server = await site.tunnel.listen({ port: 0 });
    server.maxConnections = 1;
    const port = server.address()?.port ?? 0;
    server.on("connection", echo);
    const first = site.dial(port);
    first.write("x");
    await once(first, "data");
    const dropped = once(server, "drop");
    const second = site.dial(port);
    const failed = errorOf(second.resume());
    assert.ok((await dropped)[0].remotePort > 0);
    assert.ok((await failed) instanceof Error);
    first.end();
    await once(first, "close");
  });

  it("sends datagrams, and receives them", async () => {
    const port = await site.echoDatagrams();
    await using socket = await site.tunnel.datagram();
    assert.ok(socket.address().port > 0);
    for (const payload of ["", "short", "x".repeat(9_000)]) {
      const answered = once(socket, "message");
      const sent = new Promise((resolve) => {
        socket.send(payload, port, site.farAddress, (error, size) => resolve(error ?? size));
      });
      assert.equal(await sent, payload.length);
      const [message, { address, port: from, family, size }] = await answered;
      assert.equal(String(message), payload);
      assert.deepEqual(
        [address, from, family, size],
        [site.farAddress, port, "IPv4", payload.length],
      );
    }
    const again = once(socket, "message");
    const connected = once(socket, "connect");
    socket.connect(port, site.farAddress);
    await connected;
    assert.deepEqual(socket.remoteAddress(), {
      address: site.farAddress,
      port,
      family: "IPv4",
    });
    socket.send(Buffer.from("_part_"), 1, 4);
    assert.equal(String((await again)[0]), "part");
    const tooLong = new Promise((resolve) => {
      socket.send(Buffer.alloc(65_508), (error) => resolve(error && "code" in error && error.code));
    });
    assert.equal(await tooLong, "EMSGSIZE");
    socket.disconnect();
    assert.throws(() => socket.send("nobody"), RangeError);
    const closed = once(socket, "close");
    socket.close();
    await closed;
    assert.throws(() => socket.send("late", port, site.farAddress), { code: "EBADF" });
  });

  it("refuses options that mean nothing in a tunnel, and those that it does not know", async () => {
    const host = site.farAddress;
    for (const [options, code] of [
      [{ path: "/run/socket" }, "WG_BRIDGE_UNSUPPORTED"],
      [{ host, port: 80, hints: 1 }, "WG_BRIDGE_UNSUPPORTED"],
      [{ host, port: 80, timeOut: 1 }, "WG_BRIDGE_VALUE"],
      [{ host, port: 0 }, "WG_BRIDGE_VALUE"],
      [{ host: "", port: 80 }, "WG_BRIDGE_VALUE"],
      [{ port: 80 }, "WG_BRIDGE_VALUE"],
    ] as const) {
      const given: unknown = options;
      // @ts-expect-error A program in JavaScript can give anything.
      await assert.rejects(site.tunnel.connect(given), { code });
    }
  });
}
