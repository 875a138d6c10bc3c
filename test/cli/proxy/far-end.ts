import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { openTunnel, PrivateKey, type UserspaceTunnel } from "../../../src/index.js";

export const nearAddress = "10.71.0.1";
export const farAddress = "10.71.0.2";
export const nearAddress6 = "fd71::1";
export const farAddress6 = "fd71::2";

/** What is behind the tunnel of a `wg-bridge proxy`: its peer, with a web server and an echo server. */
export class FarEnd implements AsyncDisposable {
  readonly tunnel: UserspaceTunnel;
  /** Of files that may be made. */
  readonly directory: string;
  /** The parts of a configuration for the proxy. */
  readonly interfaceText: string;
  readonly peerText: string;
  /** The path of such a configuration. */
  readonly config: string;
  /** ADDRESS:PORT, as the next one. */
  readonly web: string;
  readonly echo: string;
  /** The endpoint's port, on 127.0.0.1. */
  readonly port: number;

  private constructor(tunnel: UserspaceTunnel, texts: readonly [string, string], ports: Ports) {
    this.tunnel = tunnel;
    [this.interfaceText, this.peerText] = texts;
    this.port = ports.endpoint;
    this.directory = mkdtempSync(`${tmpdir()}/wg-bridge-command-`);
    this.config = this.file("near.conf", this.interfaceText + this.peerText);
    this.web = `${farAddress}:${ports.web}`;
    this.echo = `${farAddress}:${ports.echo}`;
  }

  static async open(): Promise<FarEnd> {
    const [key, farKey] = [PrivateKey.generate(), PrivateKey.generate()];
    const tunnel = await openTunnel({
      network: "userspace",
      addresses: [farAddress, farAddress6],
      config: {
        privateKey: farKey,
        peers: [
          { publicKey: key.publicKey(), allowedIps: [`${nearAddress}/32`, `${nearAddress6}/128`] },
        ],
      },
    });
    const { listenPort = 0 } = await tunnel.status();
    const texts = [
      `[Interface]\nPrivateKey = ${key.toBase64()}\nAddress = ${nearAddress}/32, ${nearAddress6}/128\n`,
      `[Peer]\nPublicKey = ${farKey.publicKey()}\nEndpoint = 127.0.0.1:${listenPort}\nAllowedIPs = ${farAddress}/32, ${farAddress6}/128\n`,
    ] as const;
    const ports = {
      endpoint: listenPort,
      web: await serveWeb(tunnel),
      echo: await serveEcho(tunnel),
    };
    return new FarEnd(tunnel, texts, ports);
  }

  /** Writes a file, and returns its path. */
  file(name: string, text: string, mode = 0o600): string {
    const path = `${this.directory}/${name}`;
    writeFileSync(path, text, { mode });
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tunnel.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

interface Ports {
  readonly endpoint: number;
  readonly web: number | undefined;
  readonly echo: number | undefined;
}

async function serveWeb(tunnel: UserspaceTunnel): Promise<number | undefined> {
  const pages = createServer((request, response) => response.end(`page ${request.url}`));
  const server = await tunnel.listen({ port: 0, allowHalfOpen: true });
  server.on("connection", (socket) => pages.emit("connection", socket));
  return server.address()?.port;
}

async function serveEcho(tunnel: UserspaceTunnel): Promise<number | undefined> {
  const server = await tunnel.listen({ port: 0, allowHalfOpen: true });
  server.on("connection", (socket) => socket.on("error", () => {}).pipe(socket));
  return server.address()?.port;
}
