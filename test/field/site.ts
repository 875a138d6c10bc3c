import { inNamespace, run } from "../suite/commands.js";
import { Endpoint, type EndpointPeer } from "./endpoint.js";
import { Namespaces, serverNamespace, type Uplink } from "./namespaces.js";
import { type FieldProgram, peerProgram } from "./programs.js";

/** How long a peer's first packet may take, in milliseconds. A lost handshake is repeated after 5 s. */
const handshakeLimit = 20_000;

/** The server's interface. */
export const serverInterface = "wgserver";

/** Documentation addresses (RFC 5737), which nobody has: packets to them disappear. */
const nowhere = "192.0.2.0/24";

/** A peer of the server, in the namespace of an uplink. */
export interface SitePeer {
  readonly endpoint: Endpoint;
  readonly namespace: string;
  readonly interface: string;
  /** The address in the tunnel. */
  readonly address: string;
  /** The address of its UDP socket, "172.16.0.2:51821". */
  readonly listens: string;
  /** Configures the server as its peer for these addresses, and waits until a packet has crossed. */
  readonly connect: (server: Endpoint, allowedIps: string) => Promise<void>;
}

/** Returns the configuration that the server needs for a peer. */
export function peerOf({ endpoint, address, listens }: SitePeer): EndpointPeer {
  return { key: endpoint.key, endpoint: listens, allowedIps: `${address}/32` };
}

/** Namespaces and the programs that run in them. */
export class Site implements AsyncDisposable {
  readonly serverAddress = "10.100.0.1";
  readonly serverPort = 51_820;
  readonly #namespaces: Namespaces;
  readonly #endpoints: Endpoint[] = [];

  private constructor(namespaces: Namespaces) {
    this.#namespaces = namespaces;
  }

  static async make(uplinks: number): Promise<Site> {
    const site = new Site(await Namespaces.make(uplinks));
    try {
      const { peerAddress } = site.uplink(0);
      await run("ip", "-n", serverNamespace, "route", "add", nowhere, "via", peerAddress);
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  uplink(index: number): Uplink {
    const uplink = this.#namespaces.uplinks[index];
    if (uplink === undefined) throw new Error(`There is no uplink ${index}.`);
    return uplink;
  }

  /** Returns the server's endpoint as seen from the namespace of this uplink. */
  serverEndpoint(uplink: number): string {
    return `${this.uplink(uplink).serverAddress}:${this.serverPort}`;
  }

  /** Starts the program under test, and routes 10.0.0.0/8 to its interface. */
  async startServer(
    program: FieldProgram,
    mtu: number,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Endpoint> {
    const server = await Endpoint.start({
      program,
      env,
      namespace: serverNamespace,
      interface: serverInterface,
      address: `${this.serverAddress}/32`,
      port: this.serverPort,
      mtu,
    });
    this.#endpoints.push(server);
    const route = ["route", "add", "10.0.0.0/8", "dev", serverInterface];
    await run("ip", "-n", serverNamespace, ...route);
    return server;
  }

  /**
   * Starts a peer, whose interface has the address 10.100.0.(number + 1).
   * @param number from 1
   */
  async startPeer(uplink: number, number: number, mtu: number): Promise<SitePeer> {
    const { namespace, peerAddress } = this.uplink(uplink);
    const [address, port, name] = [`10.100.0.${number + 1}`, 51_820 + number, `wgpeer${number}`];
    const endpoint = await Endpoint.start({
      program: peerProgram,
      namespace,
      interface: name,
      address: `${address}/32`,
      port,
      mtu,
    });
    this.#endpoints.push(endpoint);
    const connect = async (server: Endpoint, allowedIps: string): Promise<void> => {
      await endpoint.configure([
        { key: server.key, endpoint: this.serverEndpoint(uplink), allowedIps },
      ]);
      const ip = (...words: readonly string[]) => run("ip", "-n", namespace, ...words);
      const route = ["route", "replace", allowedIps, "dev", name, "src", address];
      await ip(...route);
      // Peers in one namespace share their routes: these rules make each answer through its own interface.
      const table = String(100 + number);
      await ip(...route, "table", table);
      await ip("rule", "add", "from", address, "lookup", table);
      await this.#untilAnswered(namespace, address);
    };
    return {
      endpoint,
      namespace,
      interface: name,
      address,
      listens: `${peerAddress}:${port}`,
      connect,
    };
  }

  async #untilAnswered(namespace: string, source: string): Promise<void> {
    const deadline = performance.now() + handshakeLimit;
    const words = ["ping", "-n", "-c", "1", "-W", "1", "-I", source, this.serverAddress];
    for (;;) {
      try {
        await run(...inNamespace(namespace, ...words));
        return;
      } catch (cause) {
        if (performance.now() < deadline) continue;
        throw new Error(`No packet crosses the tunnel of ${source}.`, { cause });
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await Promise.all(this.#endpoints.map((endpoint) => endpoint[Symbol.asyncDispose]()));
    } finally {
      await this.#namespaces[Symbol.asyncDispose]();
    }
  }
}
