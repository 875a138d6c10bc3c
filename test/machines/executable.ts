// Runs inside a sandbox: node executable.js ARCH. Runs the packaged executable of another processor by qemu-user, and
// exchanges packets with a tunnel of this machine.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { packageRoot } from "../../src/artifacts.js";
import { readLines } from "../../src/backends/lines.js";
import { allowedIp, attach, openTunnel, PrivateKey } from "../../src/index.js";
import { transfer } from "../pair.js";
import { pingAll } from "../ping.js";
import { ip } from "../sandbox.js";
import { foreignProcessors } from "./processors.js";
import { requireProgram } from "./program.js";

const space = "far";
const foreign = { name: "wg-foreign", address: "10.71.0.1", port: 52_711 };
const native = { name: "wg-native", address: "10.71.0.2", port: 52_712 };

/** How many bytes go to the far end and back. */
const size = 4_000_000;

const processor = foreignProcessors.find(({ arch }) => arch === process.argv[2]);
if (processor === undefined) {
  throw new Error(`name one of ${foreignProcessors.map(({ arch }) => arch).join(", ")}`);
}
const executable = `${packageRoot}/build/packages/${processor.arch}/bin/wireguard-go`;
const [emulator = "", ...options] = processor.emulator;
requireProgram(emulator);
if (processor.bigEndian) requireProgram("ethtool");
const child = spawn(emulator, [...options, executable, "-f", foreign.name], {
  env: {
    ...process.env,
    WG_PROCESS_STATUS_FD: "3",
    LOG_LEVEL: "error",
    WG_BRIDGE_DISABLE: processor.bigEndian ? "all" : "",
  },
  stdio: ["ignore", "inherit", "inherit", "pipe"],
});
const ended = once(child, "exit");
const status = child.stdio[3];
assert.ok(status !== null && status !== undefined && "read" in status);
const first = new Promise((resolve) => {
  void readLines(status, resolve).then(() => resolve(undefined));
});
try {
  assert.equal(await Promise.race([first, ended.then(String)]), `ready ${foreign.name}`);
  await exchange();
  console.log(`the executable of ${processor.arch} works: ${processor.emulator.join(" ")}`);
} finally {
  child.kill();
  await ended;
}

async function exchange(): Promise<void> {
  const [foreignKey, nativeKey] = [PrivateKey.generate(), PrivateKey.generate()];
  await using far = await openTunnel({
    name: native.name,
    backend: "exec",
    config: {
      privateKey: nativeKey,
      listenPort: native.port,
      peers: [{ publicKey: foreignKey.publicKey(), allowedIps: [allowedIp(foreign.address)] }],
    },
  });
  await using near = await attach(foreign.name);
  await near.apply({
    privateKey: foreignKey,
    listenPort: foreign.port,
    peers: [
      {
        publicKey: nativeKey.publicKey(),
        allowedIps: [allowedIp(native.address)],
        endpoint: `127.0.0.1:${native.port}`,
      },
    ],
  });
  ip("address", "add", `${foreign.address}/24`, "dev", foreign.name);
  ip("link", "set", foreign.name, "up");
  // The header of a packet with an offload is in the byte order of the kernel, which is little-endian, and qemu-user
  // passes it on as it is. So no packet may have one.
  if (processor?.bigEndian) execFileSync("ethtool", ["-K", foreign.name, "tx", "off"]);
  ip("netns", "add", space);
  // The native tunnel's UDP sockets stay here.
  ip("link", "set", far.name, "netns", space);
  ip("-n", space, "address", "add", `${native.address}/24`, "dev", far.name);
  ip("-n", space, "link", "set", far.name, "up");
  await pingAll(native.address, 5);
  await transfer(space, native.address, size);
  const [peer] = (await near.status()).peers;
  assert.ok(peer?.latestHandshake !== undefined && peer.receivedBytes > size);
}
