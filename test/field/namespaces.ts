import { inNamespace, run } from "../suite/commands.js";

/** Sets a sysctl of a namespace, such as "net/ipv4/ip_forward". */
export async function setSysctl(namespace: string, name: string, value: number): Promise<void> {
  const script = 'echo "$1" > "/proc/sys/$0"';
  await run(...inNamespace(namespace, "sh", "-c", script, name, String(value)));
}

/** The namespace of the server under test. */
export const serverNamespace = "server";

/** Bytes: enough for the datagrams of a tunnel whose MTU is 9000. */
const uplinkMtu = 9100;

/** The name of each uplink's interface at the peers' end. */
const peerInterface = "server";

/** A veth pair between the server and a namespace of peers. */
export interface Uplink {
  /** The name of the interface at the server's end. */
  readonly interface: string;
  readonly namespace: string;
  readonly serverAddress: string;
  readonly peerAddress: string;
}

/** The server's namespace and its uplinks, each to a namespace of its own. */
export class Namespaces implements AsyncDisposable {
  readonly uplinks: readonly Uplink[];
  readonly #names: string[] = [];

  private constructor(uplinks: readonly Uplink[]) {
    this.uplinks = uplinks;
  }

  static async make(uplinks: number): Promise<Namespaces> {
    const made = new Namespaces(Array.from({ length: uplinks }, (_, index) => uplinkOf(index)));
    try {
      await made.#add(serverNamespace);
      for (const uplink of made.uplinks) await made.#addUplink(uplink);
      return made;
    } catch (error) {
      await made[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #add(name: string): Promise<void> {
    await run("ip", "netns", "add", name);
    this.#names.push(name);
    await run("ip", "-n", name, "link", "set", "lo", "up");
  }

  async #addUplink(uplink: Uplink): Promise<void> {
    const { interface: near, namespace, serverAddress, peerAddress } = uplink;
    await this.#add(namespace);
    const far = ["peer", "name", peerInterface, "netns", namespace, "mtu", String(uplinkMtu)];
    const ends = ["netns", serverNamespace, "mtu", String(uplinkMtu), "type", "veth", ...far];
    await run("ip", "link", "add", near, ...ends);
    for (const [space, name, address] of [
      [serverNamespace, near, serverAddress],
      [namespace, peerInterface, peerAddress],
    ] as const) {
      await run("ip", "-n", space, "address", "add", `${address}/24`, "dev", name);
      await run("ip", "-n", space, "link", "set", name, "up");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#names) await run("ip", "netns", "delete", name);
  }
}

function uplinkOf(index: number): Uplink {
  return {
    interface: `up${index}`,
    namespace: `net${index}`,
    serverAddress: `172.16.${index}.1`,
    peerAddress: `172.16.${index}.2`,
  };
}
