import { writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { isExecutableFile, packageRoot } from "../../src/artifacts.js";
import type { Program } from "../bench.js";
import { LineProgram } from "../tunnels/line-program.js";
import { configurationOf } from "../tunnels/tunnel-pair.js";
import { ports } from "./jobs.js";
import type { Setting } from "./setting.js";

/** The port of 127.0.0.1 that is forwarded. */
export const forwardPort = 6000;

/** How long a program may take until it listens, in milliseconds. */
const limit = 20_000;

/** Other programs that forward ports, as scripts/interop builds them. */
const paths = {
  wireproxy: `${packageRoot}/build/interop/bin/wireproxy`,
  onetun: `${packageRoot}/build/interop/bin/onetun`,
} as const;

type Forwarder = keyof typeof paths;

const all = Object.keys(paths).filter(isForwarder);

/** Whether a program is one of them. */
export function isForwarder(name: string): name is Forwarder {
  return Object.hasOwn(paths, name);
}

/** Those that are there. */
export function builtForwarders(): { readonly name: string; readonly path: string }[] {
  return all
    .map((name) => ({ name, path: paths[name] }))
    .filter(({ path }) => isExecutableFile(path));
}

/** Says for each of the others why it is not measured. */
export function missingForwarders(): string[] {
  return all
    .filter((name) => !isExecutableFile(paths[name]))
    .map((name) => `${name} is not measured, as it has not been built: run scripts/interop.`);
}

/** Starts such a program, in a file of the sandbox's own for its key, and waits until it listens. */
export async function startForwarder(
  { name, command }: Program,
  setting: Setting,
  mtu: number,
): Promise<LineProgram> {
  if (!isForwarder(name)) throw new Error(`${name} forwards no ports.`);
  const { near, far } = setting;
  const listen = `127.0.0.1:${forwardPort}`;
  const target = `${far.address}:${ports.stream}`;
  const file = `/run/${name}`;
  let args: string[];
  if (name === "wireproxy") {
    const own = `$&Address = ${near.address}/32\nMTU = ${mtu}\n`;
    const configuration = configurationOf(near, far).replace("[Interface]\n", own);
    const forward = `[TCPClientTunnel]\nBindAddress = ${listen}\nTarget = ${target}\n`;
    await writeFile(file, `${configuration}\n${forward}`, { mode: 0o600 });
    args = ["-c", file];
  } else {
    await writeFile(file, near.key.toBase64(), { mode: 0o600 });
    args = [
      ...["--private-key-file", file, "--endpoint-public-key", far.key.publicKey()],
      ...["--endpoint-addr", `127.0.0.1:${far.port}`, "--source-peer-ip", near.address],
      ...["--endpoint-bind-addr", `127.0.0.1:${near.port}`],
      ...["--max-transmission-unit", String(mtu), "--log", "warn", `${listen}:${target}`],
    ];
  }
  const started = await LineProgram.start([
    ...["sh", "-c", 'echo ready; exec "$@"', name],
    ...command,
    ...args,
  ]);
  try {
    await untilListening(name);
    return started;
  } catch (error) {
    await started.stop();
    throw error;
  }
}

async function untilListening(name: string): Promise<void> {
  for (const deadline = performance.now() + limit; performance.now() < deadline; await delay(20)) {
    if (await accepts()) return;
  }
  throw new Error(`${name} does not listen within ${limit / 1000} s.`);
}

/** Whether somebody listens on the forwarded port. */
function accepts(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port: forwardPort });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
