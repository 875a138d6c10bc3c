import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isBoringtun, untilQueuesAreOpen } from "../bench/tunnels/boringtun.js";
import {
  allowedIp,
  type DeviceConfig,
  openTunnel,
  PresharedKey,
  PrivateKey,
  type Tunnel,
  type TunnelOptions,
} from "../src/index.js";
import { pingAll } from "./ping.js";
import { ip } from "./sandbox.js";

/** How long a UDP port's socket is waited for, and how often it is looked for, in milliseconds. */
const portLimit = 30_000;
const portInterval = 5;

const echo = fileURLToPath(new URL("echo.js", import.meta.url));

/** The options of a pair. Pairs that are open at the same time need different numbers. */
export interface PairOptions {
  readonly number: number;
  readonly near: Partial<TunnelOptions>;
  readonly far: Partial<TunnelOptions>;
  /** Of both interfaces, in bytes. */
  readonly mtu?: number;
  /** The far end's preshared key, if it shall differ from the near end's. */
  readonly farPresharedKey?: PresharedKey;
}

/** Waits until an IPv4 socket is bound to a UDP port of this network namespace, or until none is. */
async function untilPort(port: number, wanted: "bound" | "unbound"): Promise<void> {
  const address = new RegExp(`^ *\\d+: [0-9A-F]{8}:${port.toString(16).toUpperCase()} `, "m");
  for (let waited = 0; waited < portLimit; waited += portInterval) {
    const bound = address.test(readFileSync("/proc/net/udp", "utf8"));
    if (bound === (wanted === "bound")) return;
    await delay(portInterval);
  }
  assert.fail(`UDP port ${port} is not ${wanted} after ${portLimit} ms`);
}

/** Two ends of one tunnel over loopback; the far interface is in a network namespace of its own. */
export class Pair implements AsyncDisposable {
  readonly near: Tunnel;
  readonly far: Tunnel;
  readonly nearConfig: DeviceConfig;
  readonly farConfig: DeviceConfig;
  readonly farAddress: string;
  readonly space: string;

  private constructor(
    near: Tunnel,
    far: Tunnel,
    nearConfig: DeviceConfig,
    farConfig: DeviceConfig,
    farAddress: string,
    space: string,
  ) {
    this.near = near;
    this.far = far;
    this.nearConfig = nearConfig;
    this.farConfig = farConfig;
    this.farAddress = farAddress;
    this.space = space;
  }

  static async open({
    number,
    near,
    far,
    mtu = 1420,
    farPresharedKey,
  }: PairOptions): Promise<Pair> {
    const space = `pair-${number}`;
    const [nearPort, farPort] = [52_000 + 10 * number, 52_001 + 10 * number];
    const [nearAddress, farAddress] = [`10.60.${number}.1`, `10.60.${number}.2`];
    const [nearKey, farKey] = [PrivateKey.generate(), PrivateKey.generate()];
    const presharedKey = PresharedKey.generate();
    const nearConfig: DeviceConfig = {
      privateKey: nearKey,
      listenPort: nearPort,
      peers: [
        {
          publicKey: farKey.publicKey(),
          presharedKey,
          endpoint: { host: "127.0.0.1", port: farPort },
          allowedIps: [allowedIp(farAddress)],
        },
      ],
    };
    const farConfig: DeviceConfig = {
      privateKey: farKey,
      listenPort: farPort,
      peers: [
        {
          publicKey: nearKey.publicKey(),
          presharedKey: farPresharedKey ?? presharedKey,
          allowedIps: [allowedIp(nearAddress)],
        },
      ],
    };
    ip("netns", "add", space);
    const opened: Tunnel[] = [];
    const open = async (options: TunnelOptions) => {
      const tunnel = await openTunnel(options);
      opened.push(tunnel);
      return tunnel;
    };
    try {
      const nearTunnel = await open({
        ...near,
        name: `wgn${number}`,
        mtu,
        config: nearConfig,
        addresses: [`${nearAddress}/24`],
      });
      const farTunnel = await open({ ...far, name: `wgf${number}`, mtu, config: farConfig });
      // The far tunnel's UDP sockets stay in the namespace in which it was opened. An interface that moves goes
      // down: our engine unbinds its port then, and binds it again once it knows that the interface is up. A handshake
      // that came between would be lost, and is repeated only after 5 s. Other programs keep their port bound.
      const program = far.env?.WIREGUARD_GO_EXECUTABLE;
      const rebinds = program === undefined;
      if (program !== undefined && isBoringtun(program)) await untilQueuesAreOpen(farTunnel.name);
      ip("link", "set", farTunnel.name, "netns", space);
      if (rebinds) await untilPort(farPort, "unbound");
      ip("-n", space, "address", "add", `${farAddress}/24`, "dev", farTunnel.name);
      ip("-n", space, "link", "set", farTunnel.name, "up");
      if (rebinds) await untilPort(farPort, "bound");
      return new Pair(nearTunnel, farTunnel, nearConfig, farConfig, farAddress, space);
    } catch (error) {
      await Promise.all(opened.map((tunnel) => tunnel.close()));
      ip("netns", "delete", space);
      throw error;
    }
  }

  /** Fails unless every ping is answered. `size` is the payload in bytes, `interval` in seconds. */
  async ping(count: number, size = 56, interval = 0.02): Promise<void> {
    const words = ["-M", "do", "-i", String(interval), "-s", String(size)];
    await pingAll(this.farAddress, count, words);
  }

  /** Sends bytes to the far end and back by TCP, and compares what arrives by SHA-256. */
  async transfer(bytes: number): Promise<void> {
    await transfer(this.space, this.farAddress, bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.near.close(), this.far.close()]);
    ip("netns", "delete", this.space);
  }
}

/** Sends bytes by TCP to an address in a network namespace and back, and compares what arrives by SHA-256. */
export async function transfer(space: string, address: string, bytes: number): Promise<void> {
  const words = ["netns", "exec", space, process.execPath, echo, address];
  const server = spawn("ip", words, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [port] = await once(server.stdout, "data");
    const data = randomBytes(bytes);
    const socket = connect(Number(port), address);
    const hash = createHash("sha256");
    socket.on("data", (piece) => hash.update(piece));
    socket.end(data);
    await once(socket, "close");
    assert.equal(hash.digest("hex"), createHash("sha256").update(data).digest("hex"));
  } finally {
    server.kill();
  }
}
