import assert from "node:assert/strict";
import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import http2 from "node:http2";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import type { Readable, Writable } from "node:stream";
import { openTunnel, PrivateKey, type UserspaceTunnel } from "../../src/index.js";
import { makeCertificate } from "../userspace/certificate.js";
import { HostResolver } from "./host-resolver.js";
import { asOrdinaryUser, bridge, Program } from "./program.js";
import { bytes, sum } from "./transfer.js";

const nearAddress = "10.72.0.1";
export const farAddress = "10.72.0.2";

/** The user of scripts/unprivileged. */
const ordinaryUser = 65_534;

/** Where dnsmasq serves, on the far side's loopback. */
const nameServerPort = 5300;

export const page = "a page in the tunnel";

/** What HTTP/1 and HTTP/2 have in common. */
type SiteRequest = Readable & Pick<IncomingMessage, "method" | "url" | "httpVersion">;
type SiteResponse = Writable & { setHeader(name: string, value: string): unknown };

/** A web server: a page, the hash of what is uploaded, a download. */
export function site(request: SiteRequest, response: SiteResponse): void {
  const { method, url = "", httpVersion } = request;
  const [path, query = ""] = url.split("?");
  response.setHeader("access-control-allow-origin", "*");
  if (path === "/sum") void sum(request).then((hash) => response.end(`${method} ${hash}`));
  else if (path === "/bytes") bytes(Number(query)).pipe(response);
  else response.end(`${page} by HTTP/${httpVersion}`);
}

/**
 * What is behind a tunnel. All names that end in .tunnel and .intranet lead to farAddress, which serves HTTP at port 80,
 * HTTPS and HTTP/2 at 443, HTTP/2 without TLS at 8080, and echoes at 7 by TCP and UDP. On the near side stands the host's
 * resolver, which nobody may ask.
 */
export class Intranet implements AsyncDisposable {
  readonly backend: "exec" | "ffi";
  /** The far end. */
  readonly tunnel: UserspaceTunnel;
  /** Where the ordinary user may read and write. */
  readonly directory: string;
  /** The near end's configuration, for wg-quick. */
  readonly config: string;
  /** The authority of the TLS server. */
  readonly authority: string;
  readonly #resolver: HostResolver;
  readonly #closing: (() => unknown)[];

  private constructor(
    backend: "exec" | "ffi",
    tunnel: UserspaceTunnel,
    directory: string,
    resolver: HostResolver,
    closing: (() => unknown)[],
  ) {
    this.backend = backend;
    this.tunnel = tunnel;
    this.directory = directory;
    this.config = `${directory}/wg0.conf`;
    this.authority = `${directory}/authority.pem`;
    this.#resolver = resolver;
    this.#closing = closing;
  }

  static async open(backend: "exec" | "ffi"): Promise<Intranet> {
    const closing: (() => unknown)[] = [];
    try {
      return await Intranet.#open(backend, closing);
    } catch (error) {
      for (const close of closing.reverse()) await close();
      throw error;
    }
  }

  static async #open(backend: "exec" | "ffi", closing: (() => unknown)[]): Promise<Intranet> {
    const directory = mkdtempSync(`${tmpdir()}/wg-bridge-clients-`);
    closing.push(() => rmSync(directory, { recursive: true }));
    const resolver = await HostResolver.start(`${directory}/resolv.conf`);
    closing.push(() => resolver[Symbol.asyncDispose]());
    const [nearKey, farKey] = [PrivateKey.generate(), PrivateKey.generate()];
    const tunnel = await openTunnel({
      network: "userspace",
      backend,
      addresses: [farAddress],
      config: {
        privateKey: farKey,
        peers: [{ publicKey: nearKey.publicKey(), allowedIps: [`${nearAddress}/32`] }],
      },
    });
    closing.push(() => tunnel.close());
    const { listenPort } = await tunnel.status();
    const text = `[Interface]
PrivateKey = ${nearKey.toBase64()}
Address = ${nearAddress}/32
DNS = ${farAddress}
[Peer]
PublicKey = ${farKey.publicKey()}
Endpoint = 127.0.0.1:${listenPort}
AllowedIPs = ${farAddress}/32
`;
    const intranet = new Intranet(backend, tunnel, directory, resolver, closing);
    if (asOrdinaryUser.length > 0) chownSync(directory, ordinaryUser, ordinaryUser);
    intranet.file("wg0.conf", text);
    await intranet.#serve();
    return intranet;
  }

  async #serve(): Promise<void> {
    const certificate = makeCertificate(farAddress);
    writeFileSync(this.authority, certificate.cert);
    await this.attach(80, createServer(site));
    await this.attach(443, http2.createSecureServer({ ...certificate, allowHTTP1: true }, site));
    await this.attach(8080, http2.createServer(site));
    const echo = await this.tunnel.listen({ port: 7, allowHalfOpen: true });
    echo.on("connection", (socket) => socket.on("error", () => {}).pipe(socket));
    const datagrams = await this.tunnel.datagram({ port: 7 });
    datagrams.on("message", (data, { port, address }) => datagrams.send(data, port, address));
    const names = new Program([
      "dnsmasq",
      // As whoever started it, and with its log on standard error.
      ..."--no-daemon --conf-file=/dev/null --no-hosts --no-resolv".split(" "),
      "--bind-interfaces",
      "--listen-address=127.0.0.1",
      `--port=${nameServerPort}`,
      ...["tunnel", "intranet"].flatMap((domain) => [
        `--address=/${domain}/${farAddress}`,
        `--local=/${domain}/`,
      ]),
      "--edns-packet-max=4096",
      ...Array.from(
        { length: 8 },
        (_, line) => `--txt-record=big.tunnel,${line}${"x".repeat(200)}`,
      ),
    ]);
    this.onClose(() => names[Symbol.asyncDispose]());
    await names.says(/dnsmasq.*started/);
    const target = `127.0.0.1:${nameServerPort}`;
    await this.tunnel.proxy({ expose: [`53=${target}`, `53/udp=${target}`] });
  }

  /** Writes a file that only the ordinary user may read, and returns its path. */
  file(name: string, text: string): string {
    const path = `${this.directory}/${name}`;
    writeFileSync(path, text, { mode: 0o600 });
    if (asOrdinaryUser.length > 0) chownSync(path, ordinaryUser, ordinaryUser);
    return path;
  }

  /** Hands the connections of a port behind the tunnel to a server of this process. */
  async attach(port: number, server: Server | http2.Http2Server): Promise<void> {
    const listening = await this.tunnel.listen({ port, allowHalfOpen: true });
    listening.on("connection", (socket) => server.emit("connection", socket));
  }

  /** Starts `wg-bridge proxy` on the near side, as a user without privileges if that is possible here. */
  start(...options: readonly string[]): Program {
    const words = ["proxy", `--backend=${this.backend}`, ...options, this.config];
    const command = new Program([...asOrdinaryUser, bridge, ...words]);
    this.onClose(() => command[Symbol.asyncDispose]());
    return command;
  }

  /** Has something done at the end, before all that was asked for or opened earlier. */
  onClose(close: () => unknown): void {
    this.#closing.push(close);
  }

  /** The names of targets that somebody has asked the host's resolver for. */
  get askedOfHost(): readonly string[] {
    return this.#resolver.asked.filter((name) => /\b(tunnel|intranet|other)\b/.test(name));
  }

  /** Closes everything, and fails if a client has asked the host's resolver. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing.reverse()) await close();
    assert.deepEqual(this.askedOfHost, []);
  }
}

/** Opens an intranet for the tests of a suite. */
export function useIntranet(backend: "exec" | "ffi"): () => Intranet {
  let intranet: Intranet;
  before(async () => {
    intranet = await Intranet.open(backend);
  });
  after(() => intranet?.[Symbol.asyncDispose]());
  return () => intranet;
}
