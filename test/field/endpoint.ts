import { Daemon } from "../../bench/tunnels/daemon.js";
import { setConfiguration } from "../../bench/tunnels/tunnel-pair.js";
import { PrivateKey } from "../../src/values/key.js";
import { inNamespace, run } from "../suite/commands.js";
import type { FieldProgram } from "./programs.js";

/** How a program runs a tunnel. */
export interface EndpointOptions {
  readonly program: FieldProgram;
  /** Added to the program's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The network namespace of its sockets and its interface. */
  readonly namespace: string;
  /** Unique in a sandbox, because UAPI sockets are named after it. */
  readonly interface: string;
  /** The interface's address, "10.100.0.1/24". */
  readonly address: string;
  readonly port: number;
  /** Bytes. */
  readonly mtu: number;
}

/** A peer of an endpoint. */
export interface EndpointPeer {
  /** undefined: a key whose private half nobody has. */
  readonly key?: PrivateKey;
  /** "172.16.0.2:51820". undefined: not known yet. */
  readonly endpoint?: string;
  readonly allowedIps: string;
}

/** A running program with a tunnel in the foreground, in a session of its own. */
export class Endpoint implements AsyncDisposable {
  readonly key: PrivateKey;
  readonly #daemon: Daemon;
  readonly #options: EndpointOptions;

  private constructor(daemon: Daemon, key: PrivateKey, options: EndpointOptions) {
    this.#daemon = daemon;
    this.key = key;
    this.#options = options;
  }

  static async start(options: EndpointOptions): Promise<Endpoint> {
    const { program, namespace, interface: name, address, mtu, env = {} } = options;
    // ip executes the program in place of itself: the process is the program's.
    const command = inNamespace(namespace, ...program.command);
    const daemon = await Daemon.start({ command, env }, name);
    const endpoint = new Endpoint(daemon, PrivateKey.generate(), options);
    try {
      await run("ip", "-n", namespace, "link", "set", name, "mtu", String(mtu));
      await run("ip", "-n", namespace, "address", "add", address, "dev", name);
      await run("ip", "-n", namespace, "link", "set", name, "up");
      return endpoint;
    } catch (error) {
      await endpoint[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    const { pid } = this.#daemon.process;
    if (pid === undefined) throw new Error(`${this.#options.program.name} has no process.`);
    return pid;
  }

  /** Throws if the program has ended. */
  assertRuns(): void {
    const { end } = this.#daemon;
    if (end !== undefined) throw new Error(`${this.#options.program.name} ended: ${end}`);
  }

  async configure(peers: readonly EndpointPeer[]): Promise<void> {
    const { interface: name, port } = this.#options;
    const sections = peers.map(({ key = PrivateKey.generate(), endpoint, allowedIps }) =>
      [
        `[Peer]\nPublicKey = ${key.publicKey()}\nAllowedIPs = ${allowedIps}`,
        ...(endpoint === undefined ? [] : [`Endpoint = ${endpoint}`]),
      ].join("\n"),
    );
    const device = `[Interface]\nPrivateKey = ${this.key.toBase64()}\nListenPort = ${port}`;
    await setConfiguration("setconf", name, `${[device, ...sections].join("\n\n")}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon.stop();
  }
}
