import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { openTunnel, PrivateKey, type UserspaceTunnel } from "../../src/index.js";
import { onlyInSandbox } from "../sandbox.js";
import { echo } from "../userspace/streams.js";
import { otherProgram } from "./programs.js";

const run = promisify(execFile);

const nearAddress = "10.62.0.1";
const otherAddress = "10.62.0.2";

/** Ports of 127.0.0.1, which is this sandbox's own. */
const ports = { near: 54_001, other: 54_002, socks5: 54_003, forward: 54_004 } as const;

/** The port that the other program serves inside the tunnel, and those that we do. */
const inside = { other: 3422, stream: 4001, datagram: 4002, http: 4003 } as const;

/** How long the other program may take until it serves, in milliseconds. */
const limit = 30_000;

const bytes = 1_000_000;

/** A userspace tunnel of ours, and another program that has none of the kernel's either. */
interface Beside {
  readonly tunnel: UserspaceTunnel;
  readonly key: PrivateKey;
  readonly nearKey: string;
  readonly directory: string;
  /** The port of an echo of this machine, which the other program offers to the tunnel. */
  readonly local: number;
  start(command: readonly string[]): void;
}

/** What a connection fails with before the other program listens, and before it has made a handshake. */
const notYet: readonly unknown[] = ["ECONNREFUSED", "EHOSTUNREACH"];

/** Resolves with a connection once the other program serves it. */
async function untilServed(dial: () => Socket): Promise<Socket> {
  for (const deadline = performance.now() + limit; ; await delay(20)) {
    const socket = dial();
    try {
      await once(socket, "connect");
      return socket;
    } catch (error) {
      const code: unknown = Reflect.get(Object(error), "code");
      if (!notYet.includes(code) || performance.now() > deadline) throw error;
    }
  }
}

/**
 * Sends bytes to an echo, and compares what comes back. wireproxy does not pass the end of one direction on, so the
 * connection has none before all is back.
 */
async function exchanges(socket: Socket): Promise<void> {
  const sent = randomBytes(bytes);
  const hash = createHash("sha256");
  let missing = bytes;
  const back = new Promise<string>((resolve, reject) => {
    socket.on("data", (piece: Buffer) => {
      hash.update(piece);
      missing -= piece.length;
      if (missing <= 0) resolve(hash.digest("hex"));
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`It was closed, and ${missing} bytes are missing.`)));
  });
  socket.write(sent);
  assert.equal(await back, createHash("sha256").update(sent).digest("hex"));
  assert.equal(missing, 0);
  socket.destroy();
}

/** Answers a request with its body. */
function mirror(request: IncomingMessage, response: ServerResponse): void {
  request.pipe(response);
}

for (const backend of ["exec", "ffi"] as const) {
  for (const name of ["wireproxy", "onetun"] as const) {
    const { path, mark } = otherProgram(name);
    describe(`a userspace tunnel on ${backend} beside ${name}${mark}`, function () {
      this.timeout(120_000);
      onlyInSandbox();

      let beside: Beside;
      const closing: (() => unknown)[] = [];

      before(async function () {
        if (mark !== "") this.skip();
        const [nearKey, key] = [PrivateKey.generate(), PrivateKey.generate()];
        const directory = mkdtempSync(`${tmpdir()}/beside-`);
        closing.push(() => rmSync(directory, { recursive: true }));
        const tunnel = await openTunnel({
          network: "userspace",
          backend,
          addresses: [nearAddress],
          config: {
            privateKey: nearKey,
            listenPort: ports.near,
            // The other program begins: a handshake that came before it runs would be repeated only after 5 s.
            peers: [{ publicKey: key.publicKey(), allowedIps: [`${otherAddress}/32`] }],
          },
        });
        closing.push(() => tunnel.close());
        const server = createServer({ allowHalfOpen: true }, echo).listen(0, "127.0.0.1");
        await once(server, "listening");
        closing.push(() => server.close());
        const start = ([program = "", ...args]: readonly string[]) => {
          const child = spawn(program, args, { stdio: "ignore" });
          closing.push(() => ended(child));
        };
        beside = {
          ...{ tunnel, key, nearKey: nearKey.publicKey(), directory, start },
          local: portOf(server),
        };
        const listening = await tunnel.listen({ port: inside.stream, allowHalfOpen: true });
        listening.on("connection", echo);
        if (name === "wireproxy") startWireproxy(path, beside);
        else startOnetun(path, beside);
      });

      after(async () => {
        for (const close of closing.reverse()) await close();
      });

      // onetun 0.3.10 refuses each --remote, by which it would offer something: it compares its own source address.
      if (name === "wireproxy") {
        it("reaches what it offers to the tunnel", async () => {
          const target = { host: otherAddress, port: inside.other };
          const socket = await untilServed(() =>
            beside.tunnel.createConnection({ ...target, allowHalfOpen: true }),
          );
          await exchanges(socket);
        });

        it("is reached through its SOCKS5", async () => {
          (await untilServed(() => connect(ports.socks5, "127.0.0.1"))).destroy();
          const pages = createHttpServer(mirror);
          closing.push(() => pages.closeAllConnections());
          const listening = await beside.tunnel.listen({ port: inside.http, allowHalfOpen: true });
          listening.on("connection", (socket) => pages.emit("connection", socket));
          const body = "x".repeat(bytes);
          writeFileSync(`${beside.directory}/body`, body);
          const proxy = ["--socks5", `127.0.0.1:${ports.socks5}`];
          const upload = ["--data-binary", `@${beside.directory}/body`];
          const url = `http://${nearAddress}:${inside.http}/`;
          const words = ["-sS", "--max-time", "60", ...proxy, ...upload, url];
          const { stdout } = await run("curl", words, { maxBuffer: 2 * bytes });
          assert.ok(stdout === body, `${stdout.length} bytes came back`);
        });
      } else {
        it("is reached by its forwards, of TCP and UDP", async () => {
          await exchanges(await untilServed(() => connect(ports.forward, "127.0.0.1")));
          await using echoing = await beside.tunnel.datagram({ port: inside.datagram });
          echoing.on("message", (payload, { port, address }) =>
            echoing.send(payload, port, address),
          );
          const socket = createSocket("udp4");
          closing.push(() => socket.close());
          const answered = once(socket, "message");
          socket.send(Buffer.alloc(1200, "x"), ports.forward + 1, "127.0.0.1");
          assert.deepEqual((await answered)[0], Buffer.alloc(1200, "x"));
        });
      }
    });
  }
}

function startWireproxy(path: string, { key, nearKey, directory, local, start }: Beside): void {
  const file = `${directory}/wireproxy.conf`;
  const sections = [
    `[Interface]\nPrivateKey = ${key.toBase64()}\nAddress = ${otherAddress}/32\nListenPort = ${ports.other}`,
    `[Peer]\nPublicKey = ${nearKey}\nEndpoint = 127.0.0.1:${ports.near}\nAllowedIPs = ${nearAddress}/32\nPersistentKeepalive = 1`,
    `[TCPServerTunnel]\nListenPort = ${inside.other}\nTarget = 127.0.0.1:${local}`,
    `[Socks5]\nBindAddress = 127.0.0.1:${ports.socks5}`,
  ];
  writeFileSync(file, `${sections.join("\n\n")}\n`, { mode: 0o600 });
  start([path, "-s", "-c", file]);
}

function startOnetun(path: string, { key, nearKey, directory, start }: Beside): void {
  const file = `${directory}/key`;
  writeFileSync(file, key.toBase64(), { mode: 0o600 });
  start([
    ...[path, "--private-key-file", file, "--endpoint-public-key", nearKey, "--log", "error"],
    ...["--endpoint-addr", `127.0.0.1:${ports.near}`, "--source-peer-ip", otherAddress],
    ...["--endpoint-bind-addr", `127.0.0.1:${ports.other}`],
    `127.0.0.1:${ports.forward}:${nearAddress}:${inside.stream}`,
    `127.0.0.1:${ports.forward + 1}:${nearAddress}:${inside.datagram}:UDP`,
  ]);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("It has no port.");
  return address.port;
}
