// node pinger.js [BACKEND...]: opens a tunnel on each backend, by default ffi and exec, to a second tunnel in a network
// namespace of its own, and uses and closes it as a program does. Prints a line for each backend.
//
// It needs nothing but "wg-bridge", ip and ping: it is copied beside an installed package, and that machine's own
// Node.js runs it.
import { execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { openTunnel, PrivateKey, type Tunnel } from "wg-bridge";

const space = "far";
const near = { name: "wg-near", address: "10.70.0.1", port: 52_701, key: PrivateKey.generate() };
const far = { name: "wg-far", address: "10.70.0.2", port: 52_702, key: PrivateKey.generate() };
/** How many bytes go to the far end and back. */
const size = 1_000_000;

const words = process.argv.slice(2);
if (words[0] === "--echo") {
  echo();
} else {
  for (const backend of words.length === 0 ? ["ffi", "exec"] : words) {
    const began = performance.now();
    await tryBackend(backend === "exec" ? "exec" : "ffi");
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${backend} works: ${process.version} on ${process.arch}, ${seconds} s`);
  }
}

/** Serves the far end: sends each client its own bytes. */
function echo(): void {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  server.listen(0, far.address, () => {
    const address = server.address();
    if (address !== null && typeof address === "object") console.log(address.port);
  });
}

function configuration(own: typeof near, peer: typeof near): string {
  return `[Interface]
PrivateKey = ${own.key.toBase64()}
ListenPort = ${own.port}
[Peer]
PublicKey = ${peer.key.publicKey()}
AllowedIPs = ${peer.address}/32
Endpoint = 127.0.0.1:${peer.port}
`;
}

async function tryBackend(backend: "ffi" | "exec"): Promise<void> {
  const opened: Tunnel[] = [];
  execFileSync("ip", ["netns", "add", space]);
  try {
    const tunnel = await openTunnel({
      name: near.name,
      backend,
      config: configuration(near, far),
      addresses: [`${near.address}/24`],
    });
    opened.push(tunnel);
    const config = configuration(far, near);
    opened.push(await openTunnel({ name: far.name, backend: "exec", config }));
    // Its UDP sockets stay in the namespace in which it was opened.
    execFileSync("ip", ["link", "set", far.name, "netns", space]);
    execFileSync("ip", ["-n", space, "address", "add", `${far.address}/24`, "dev", far.name]);
    execFileSync("ip", ["-n", space, "link", "set", far.name, "up"]);
    execFileSync("ping", ["-n", "-c", "3", "-w", "60", far.address]);
    await transfer();
    const { peers } = await tunnel.status();
    check(peers[0]?.latestHandshake !== undefined, "the status shows no handshake");
    check(Number(peers[0]?.receivedBytes) > size, "the status does not count what was received");
  } finally {
    for (const tunnel of opened) await tunnel.close();
    execFileSync("ip", ["netns", "delete", space]);
  }
  for (const { name } of [near, far]) {
    check(!existsSync(`/sys/class/net/${name}`), `the interface ${name} was left`);
  }
  check(readdirSync("/var/run/wireguard").length === 0, "a socket was left");
}

/** Sends bytes to the far end and back, and compares what arrives. */
async function transfer(): Promise<void> {
  const program = [process.execPath, fileURLToPath(import.meta.url), "--echo"];
  const server = spawn("ip", ["netns", "exec", space, ...program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(server, "exit");
  try {
    const [port] = await Promise.race([once(server.stdout, "data"), ended.then(() => [undefined])]);
    check(port !== undefined, "the far end's server did not start");
    const data = randomBytes(size);
    const hash = createHash("sha256");
    const socket = connect(Number(port), far.address);
    socket.on("data", (piece) => hash.update(piece));
    socket.end(data);
    await once(socket, "close");
    const wanted = createHash("sha256").update(data).digest("hex");
    check(hash.digest("hex") === wanted, "other bytes came back");
  } finally {
    server.kill("SIGKILL");
    await ended;
  }
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
