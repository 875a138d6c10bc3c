import assert from "node:assert/strict";
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { openTunnel, PrivateKey, type Tunnel, type TunnelOptions } from "../../src/index.js";
import { pingAll } from "../ping.js";
import { ip } from "../sandbox.js";

const outside = { address: "10.98.0.1", tunnel: "10.0.0.1", port: 51820 };
const inside = { address: "10.98.0.2", tunnel: "10.0.0.2", port: 51821 };

/**
 * The end on this machine of a tunnel from another one, which is a network namespace behind a veth. Whatever runs there
 * is the caller's choice.
 */
export class FarEnd implements AsyncDisposable {
  readonly #farKey: PrivateKey;
  readonly #nearKey: PrivateKey;
  readonly #tunnel: Tunnel;
  readonly #echo: ChildProcess;
  readonly #echoPort: string;

  private constructor(
    farKey: PrivateKey,
    nearKey: PrivateKey,
    tunnel: Tunnel,
    echo: ChildProcess,
    echoPort: string,
  ) {
    this.#farKey = farKey;
    this.#nearKey = nearKey;
    this.#tunnel = tunnel;
    this.#echo = echo;
    this.#echoPort = echoPort;
  }

  /** Makes the namespace, this end, and an echo server on it. */
  static async open(space: string): Promise<FarEnd> {
    ip("netns", "add", space);
    ip("link", "add", "far0", "type", "veth", "peer", "name", "eth0", "netns", space);
    ip("address", "add", `${outside.address}/24`, "dev", "far0");
    ip("link", "set", "far0", "up");
    ip("-n", space, "link", "set", "lo", "up");
    ip("-n", space, "link", "set", "eth0", "up");
    FarEnd.setAddress(space);
    const [farKey, nearKey] = [PrivateKey.generate(), PrivateKey.generate()];
    const tunnel = await openTunnel({
      name: "wg1",
      backend: "exec",
      // A veth passes joined datagrams on as they are. gVisor reads its end as a packet socket, and drops them.
      disable: ["udp-segment"],
      addresses: [`${outside.tunnel}/24`],
      config: {
        privateKey: farKey.toBase64(),
        listenPort: outside.port,
        peers: [{ publicKey: nearKey.publicKey().toString(), allowedIps: [`${inside.tunnel}/32`] }],
      },
    });
    const program = fileURLToPath(new URL("../echo.js", import.meta.url));
    const echo = spawn(process.execPath, [program, outside.tunnel], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = await once(echo.stdout, "data");
    return new FarEnd(farKey, nearKey, tunnel, echo, String(line).trim());
  }

  /** Gives the namespace its address, which runsc takes away. */
  static setAddress(space: string): void {
    ip("-n", space, "address", "replace", `${inside.address}/24`, "dev", "eth0");
  }

  /**
   * Has a program over there open a tunnel to here, and expects that pings and TCP pass both ways.
   * @param run starts a command there
   */
  async expectTunnel(
    options: Pick<TunnelOptions, "backend" | "executable" | "mtu">,
    run: (command: readonly string[]) => ChildProcessWithoutNullStreams,
  ): Promise<void> {
    const whole: TunnelOptions = {
      ...options,
      name: "wg0",
      addresses: [`${inside.tunnel}/24`],
      config: {
        privateKey: this.#nearKey.toBase64(),
        listenPort: inside.port, // openTunnel waits for it, and with that until the interface is known to be up
        peers: [
          {
            publicKey: this.#farKey.publicKey().toString(),
            endpoint: `${outside.address}:${outside.port}`,
            allowedIps: [`${outside.tunnel}/32`],
          },
        ],
      },
    };
    const program = fileURLToPath(new URL("near-end.js", import.meta.url));
    const args = [program, JSON.stringify(whole), outside.tunnel, this.#echoPort];
    const near = run([process.execPath, ...args]);
    try {
      const ended = endOf(near);
      const [first] = await Promise.race([
        once(near.stdout, "data"),
        ended.then(({ said }) => [said]),
      ]);
      assert.equal(String(first), "passed\n");
      await pingAll(inside.tunnel, 3, ["-i", "0.2"]);
      near.stdin.end();
      const { status, said } = await ended;
      assert.equal(status, 0, said);
    } finally {
      near.kill("SIGKILL");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#echo.kill();
    await this.#tunnel.close();
  }
}

/** Resolves with a program's exit code and what it wrote on standard error. */
export async function endOf(
  program: ChildProcessWithoutNullStreams,
): Promise<{ readonly status: number | null; readonly said: string }> {
  const [said, [status]] = await Promise.all([text(program.stderr), once(program, "close")]);
  return { status, said };
}
