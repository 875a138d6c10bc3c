// node --expose-gc client.js exec|ffi|tun: a Node program that uses a network: a userspace tunnel's on a backend, or the
// kernel's. It reads a Start as a line of JSON, prints "ready", and answers each Job that it reads by a Found.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { Agent, get } from "node:http";
import { createConnection, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { openTunnel, type UserspaceTunnel } from "../../src/index.js";
import { type Found, type Job, ports, type Start } from "./jobs.js";

/** What the jobs need of a network. */
interface Network {
  connect(port: number): Promise<Socket>;
  agent(connections: number): Agent;
  datagram(): Promise<Datagrams>;
}

/** What the jobs need of a socket for datagrams. */
interface Datagrams {
  send(message: Uint8Array, port: number, address: string): void;
  on(event: "message", listener: () => void): unknown;
  close(): void;
}

/** Bytes of a write. */
const chunk = Buffer.alloc(65_536);

/** What is echoed. */
const line = Buffer.alloc(100, "x");

/** How many datagrams are on their way at a time. */
const window = 256;

/** Milliseconds without an answer after which the datagrams on their way count as lost. */
const patience = 50;

const [kind = ""] = process.argv.slice(2);
const lines = createInterface(process.stdin)[Symbol.asyncIterator]();
const start: Start = JSON.parse(await nextLine());
const { server } = start;
const tunnel = kind === "tun" ? undefined : await open(kind === "ffi" ? "ffi" : "exec");
const network = tunnel === undefined ? kernel() : inside(tunnel);
const held: Socket[] = [];
process.once("SIGTERM", async () => {
  await tunnel?.close();
  process.exit();
});
process.stdout.write("ready\n");
for (;;) {
  const job: Job = JSON.parse(await nextLine());
  const began = performance.now();
  const count = await work(job);
  const found: Found = { count, seconds: (performance.now() - began) / 1000 };
  process.stdout.write(`${JSON.stringify(found)}\n`);
}

async function nextLine(): Promise<string> {
  const { value, done } = await lines.next();
  if (!done) return value;
  await tunnel?.close();
  process.exit();
}

function open(backend: "exec" | "ffi"): Promise<UserspaceTunnel> {
  const { config = "" } = start;
  return openTunnel({ network: "userspace", backend, config, logLevel: "error" });
}

function inside(tunnel: UserspaceTunnel): Network {
  return {
    connect: (port) => tunnel.connect({ host: server, port }),
    agent: (connections) => tunnel.agent({ keepAlive: true, maxSockets: connections }),
    datagram: () => tunnel.datagram({ type: "udp4" }),
  };
}

function kernel(): Network {
  return {
    async connect(port) {
      const socket = createConnection({ host: server, port });
      await once(socket, "connect");
      return socket;
    },
    agent: (connections) => new Agent({ keepAlive: true, maxSockets: connections }),
    async datagram() {
      const socket = createSocket("udp4");
      socket.bind(0);
      await once(socket, "listening");
      return socket;
    },
  };
}

function work(job: Job): Promise<number> {
  switch (job.kind) {
    case "stream":
      return job.direction === "up" ? upload(job.seconds) : download(job.seconds);
    case "requests":
      return requests(job.connections, job.seconds);
    case "connections":
      return connections(job.seconds);
    case "hold":
      return hold(job.connections);
    case "datagrams":
      return datagrams(job.seconds);
    case "forward":
      return forward(job.port);
  }
}

/** Returns a function that reports whether so many seconds have not passed yet. */
function during(seconds: number): () => boolean {
  const end = performance.now() + seconds * 1000;
  return () => performance.now() < end;
}

/** Sends, and returns how many bytes the server says it has got in time. */
async function upload(seconds: number): Promise<number> {
  const socket = await network.connect(ports.stream);
  const request = Buffer.from("u0000");
  request.writeUInt32BE(seconds * 1000, 1);
  socket.write(request);
  const answer: Buffer[] = [];
  const answered = new Promise<number>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("end", () => reject(new Error("The server has ended the stream.")));
    socket.on("data", (piece) => {
      answer.push(piece);
      const count = Buffer.concat(answer);
      if (count.length >= 16) resolve(Number(count.readBigUInt64BE()));
    });
  });
  const write = () => {
    while (socket.write(chunk));
  };
  socket.on("drain", write);
  write();
  const count = await answered;
  socket.destroy();
  return count;
}

async function download(seconds: number): Promise<number> {
  const socket = await network.connect(ports.stream);
  let count = 0;
  socket.write("d");
  const goesOn = during(seconds);
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("end", () => reject(new Error("The server has ended the stream.")));
    socket.on("data", ({ length }) => {
      count += length;
      if (goesOn()) return;
      socket.removeAllListeners("data");
      resolve();
    });
  });
  socket.destroy();
  return count;
}

async function requests(connections: number, seconds: number): Promise<number> {
  const agent = network.agent(connections);
  const goesOn = during(seconds);
  const counts = Array.from({ length: connections }, async () => {
    let count = 0;
    for (; goesOn(); count++) await request(agent);
    return count;
  });
  const all = await Promise.all(counts);
  agent.destroy();
  return all.reduce((sum, count) => sum + count, 0);
}

function request(agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get({ host: server, port: ports.http, agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`Status ${response.statusCode}.`));
      response.on("error", reject).on("end", resolve).resume();
    }).on("error", reject);
  });
}

async function connections(seconds: number): Promise<number> {
  let count = 0;
  for (const goesOn = during(seconds); goesOn(); count++) {
    const socket = await network.connect(ports.stream);
    socket.write("e");
    await exchange(socket);
    const closed = once(socket, "close");
    socket.end();
    await closed;
  }
  return count;
}

/** Sends a line, and reads its echo. */
function exchange(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let missing = line.length;
    const read = ({ length }: Buffer) => {
      missing -= length;
      if (missing > 0) return;
      settle();
      resolve();
    };
    const fail = (error: Error) => {
      settle();
      reject(error);
    };
    const settle = () => socket.off("data", read).off("error", fail);
    socket.on("data", read).on("error", fail);
    socket.write(line);
  });
}

async function hold(count: number): Promise<number> {
  for (let left = count; left > 0; left--) {
    const socket = await network.connect(ports.stream);
    socket.write("e");
    held.push(socket);
  }
  for (const socket of held) await exchange(socket);
  globalThis.gc?.();
  return held.length;
}

async function forward(port: number): Promise<number> {
  const proxy = await tunnel?.proxy({ forward: [`127.0.0.1:${port}=${server}:${ports.stream}`] });
  return proxy?.addresses.forward.length ?? 0;
}

/** Keeps a window of datagrams on their way, and returns how many came back. */
async function datagrams(seconds: number): Promise<number> {
  const socket = await network.datagram();
  const send = () => socket.send(line, ports.datagram, server);
  let [count, before] = [0, -1];
  const goesOn = during(seconds);
  const fill = () => {
    for (let sent = 0; sent < window; sent++) send();
  };
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (!goesOn()) {
        clearInterval(timer);
        resolve();
      } else if (count === before) fill();
      before = count;
    }, patience);
    socket.on("message", () => {
      count++;
      if (goesOn()) send();
    });
    fill();
  });
  socket.close();
  return count;
}
