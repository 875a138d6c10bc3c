import { generateKeyPairSync } from "node:crypto";
import { Daemon } from "../../bench/tunnels/daemon.js";
import { executablePath } from "../../src/engine/files.js";
import { exchangeOverSocket } from "../../src/uapi/socket.js";
import { inNamespace, run } from "../suite/commands.js";

const far = "far";
const farInterface = "wgfar";
const farAddress = "172.31.0.2";
const farPort = 51_999;

/** The peer's address in the tunnel. */
export const farInner = "10.77.0.2";

/** The address of the interface under test. */
export const ownInner = "10.77.0.1/24";

/** Generates a key pair in UAPI's hexadecimal form. */
function keyPair(): { privateKey: string; publicKey: string } {
  const { d = "", x = "" } = generateKeyPairSync("x25519").privateKey.export({ format: "jwk" });
  const hex = (text: string) => Buffer.from(text, "base64url").toString("hex");
  return { privateKey: hex(d), publicKey: hex(x) };
}

/** A peer of the tunnels under test, in a namespace of its own. No faults are injected into it. */
export class FaultSite implements AsyncDisposable {
  /** The request that configures a tunnel under test. */
  readonly request: Buffer;
  readonly #daemon: Daemon;

  private constructor(daemon: Daemon, request: Buffer) {
    this.#daemon = daemon;
    this.request = request;
  }

  static async make(): Promise<FaultSite> {
    await run("ip", "netns", "add", far);
    await run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", far);
    await run("ip", "address", "add", "172.31.0.1/30", "dev", "near");
    await run("ip", "link", "set", "near", "up");
    await run("ip", "-n", far, "address", "add", `${farAddress}/30`, "dev", "far");
    await run("ip", "-n", far, "link", "set", "far", "up");
    const command = inNamespace(far, executablePath(process.env));
    const daemon = await Daemon.start({ command, env: {} }, farInterface);
    const [own, other] = [keyPair(), keyPair()];
    const configured = await exchangeOverSocket(
      farInterface,
      Buffer.from(
        `set=1\nprivate_key=${other.privateKey}\nlisten_port=${farPort}\npublic_key=${own.publicKey}\nallowed_ip=10.77.0.1/32\n\n`,
      ),
    );
    if (!configured.toString().includes("errno=0\n")) throw new Error(String(configured));
    await run("ip", "-n", far, "address", "add", `${farInner}/24`, "dev", farInterface);
    await run("ip", "-n", far, "link", "set", farInterface, "up");
    return new FaultSite(
      daemon,
      Buffer.from(
        `set=1\nprivate_key=${own.privateKey}\nlisten_port=51888\nreplace_peers=true\npublic_key=${other.publicKey}\nendpoint=${farAddress}:${farPort}\nallowed_ip=${farInner}/32\n\n`,
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon.stop();
    // The kernel deletes what is in a namespace later, and the next site needs the name.
    await run("ip", "link", "delete", "near");
    await run("ip", "netns", "delete", far);
  }
}
