// node crowded.js HELD CALL FIRST LAST [warm]: a program that holds the tunnel wgk0 by a backend (ffi, exec or
// none) and, with FIRST free descriptors up to LAST, makes one call. Run it with a low `ulimit -n`. It prints
// for each number how that ended ("done", or a code and its message), what was left, and whether the tunnel
// lives. The first call that fails is made again without shortage. "warm" makes it once before all.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readlinkSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import {
  attach,
  listServedInterfaces,
  openTunnel,
  type Tunnel,
  WgBridgeError,
} from "../../src/index.js";

const [held, call = "", first, last, warm] = process.argv.slice(2);

/** Opens descriptors until there are none left, closes so many, and returns what frees the others. */
function fill(free: number): () => void {
  const filled: number[] = [];
  try {
    for (;;) filled.push(openSync("/dev/null", "r"));
  } catch {
    for (const fd of filled.splice(0, free)) closeSync(fd);
  }
  return () => {
    for (const fd of filled) closeSync(fd);
  };
}

/** What this process holds open. */
function holdings(): string[] {
  const files = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/g, "")];
    } catch {
      return []; // the one by which the directory is read
    }
  });
  return files.filter((file) => !file.startsWith("/proc/")).toSorted();
}

/** What is there now and was not before; waited for as long as something is. */
async function leftSince(before: readonly string[]): Promise<string[]> {
  let left: string[] = [];
  for (let look = 0; look < 200; look++) {
    left = holdings();
    for (const file of before) if (left.includes(file)) left.splice(left.indexOf(file), 1);
    if (left.length === 0) break;
    await delay(10);
  }
  return left;
}

async function open(backend: "exec" | "ffi"): Promise<void> {
  await using tunnel = await openTunnel({
    name: "wgk1",
    backend,
    mtu: 1400,
    addresses: ["10.66.0.1/24"],
    config: { peers: [] },
  });
  await listen(tunnel);
  while ((await tunnel.status()).listenPort === undefined) await delay(10);
}

/** Listens until the device has been looked at, as far as that is possible. */
async function listen(tunnel: Tunnel): Promise<void> {
  const heard = () => {};
  tunnel.on("handshake", heard);
  await tunnel.status().catch(() => {});
  tunnel.off("handshake", heard);
}

/** Lets somebody else ask for wgk0 while there may be no descriptor for that one, and frees some then. */
async function show(tunnel: Tunnel, free: number): Promise<void> {
  const client = spawn("sh", ["-c", "read go; exec wg show wgk0 dump"]);
  let said = "";
  client.stdout.on("data", (piece) => {
    said += piece;
  });
  const noticed = new Promise<void>((resolve) => {
    tunnel.on("log", (line) => {
      if (line.includes("cannot accept")) resolve();
    });
    client.on("close", resolve);
  });
  const empty = fill(free);
  client.stdin.write("go\n");
  await noticed;
  empty();
  if (client.exitCode === null) await once(client, "close");
  tunnel.removeAllListeners("log");
  if (client.exitCode !== 0 || !said.startsWith("(none)")) throw new Error(`wg said ${said}`);
}

async function make(tunnel: Tunnel | undefined): Promise<void> {
  switch (call) {
    case "exec":
    case "ffi":
      return open(call);
    case "attach": {
      await using attached = await attach("wgk0");
      await listen(attached);
      await attached.status();
      return;
    }
    case "interfaces":
      await listServedInterfaces();
      return;
    case "status":
      await tunnel?.status();
      return;
    case "listen":
      if (tunnel) await listen(tunnel);
      return;
    case "close":
      return tunnel?.close();
    default:
      throw new Error(`What is ${call}?`);
  }
}

async function outcome(work: () => Promise<void>): Promise<string> {
  try {
    await work();
    return "done";
  } catch (error) {
    if (error instanceof WgBridgeError) return `${error.code}: ${error.message}`;
    return `NOT EXPLAINED: ${String(error)}`;
  }
}

async function hold(): Promise<Tunnel | undefined> {
  return held === "ffi" || held === "exec"
    ? openTunnel({ name: "wgk0", backend: held })
    : undefined;
}

async function step(tunnel: Tunnel | undefined, free: number): Promise<string> {
  if (call === "show" && tunnel) return outcome(() => show(tunnel, free));
  const empty = fill(free);
  const ended = await outcome(() => make(tunnel));
  empty();
  return ended;
}

let tunnel = await hold();
// libuv keeps a descriptor from the first stream on, to be able to refuse connections.
await once(spawn("true"), "close");
if (warm) await make(tunnel);
let again = !warm;
for (let free = Number(first); free <= Number(last); free++) {
  tunnel ??= await hold();
  const before = holdings();
  const ended = await step(tunnel, free);
  const report = [ended];
  if (call !== "close") {
    if (again && ended !== "done") report.push(`again: ${await outcome(() => make(tunnel))}`);
    else if (held !== "none") report.push(`left: ${await leftSince(before)}`.trim());
    again = false;
    report.push(`alive: ${await outcome(async () => void (await tunnel?.status()))}`);
  } else {
    tunnel = undefined;
  }
  writeSync(1, `${free} ${report.join(" | ")}\n`);
}
await tunnel?.close();
writeSync(1, "end\n");
