import { createHash, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { Environment } from "../artifacts.js";
import type { BackendKind } from "../backends/backend.js";
import { withDeadline } from "../deadline.js";
import { messageOf, WgBridgeError } from "../errors.js";
import { openTunnel } from "../tunnel/open.js";
import type { UserspaceTunnel } from "../userspace/tunnel.js";
import { PrivateKey } from "../values/key.js";

/** What was sent one way through a tunnel. */
export interface Transfer {
  readonly bytes: number;
  readonly seconds: number;
  /** Whether the SHA-256 of what arrived is that of what was sent. */
  readonly sha256Equal: boolean;
}

/** What a backend has shown. */
export interface Measurements {
  /** Until both tunnels were open and the first ping was answered. */
  readonly openSeconds: number;
  /** Small pages that were fetched one after another, over a connection that was kept. */
  readonly requests: { readonly count: number; readonly seconds: number };
  readonly download: Transfer;
  readonly upload: Transfer;
  /** Bytes of WireGuard's messages, as the fetching tunnel counts them for its peer. */
  readonly encrypted: { readonly sent: number; readonly received: number };
}

/** What came of a backend. It is damaged if a SHA-256 differs. */
export type Outcome =
  | ({ readonly backend: BackendKind; readonly outcome: "passed" | "damaged" } & Measurements)
  /** The backend cannot be used on this machine. */
  | { readonly backend: BackendKind; readonly outcome: "unavailable"; readonly reason: string }
  | { readonly backend: BackendKind; readonly outcome: "failed"; readonly reason: string };

/** How much a demonstration moves. */
export interface Amounts {
  readonly requests: number;
  /** Each way. */
  readonly bytes: number;
}

export const defaultAmounts: Amounts = { requests: 200, bytes: 64 * 1024 * 1024 };

/** How long a backend may take for everything, in milliseconds: a slow machine needs it. */
const limit = 300_000;

/** How long the first ping may take, in milliseconds. It includes the handshake. */
const pingTimeout = 10_000;

const serverAddress = "10.0.0.1";
const clientAddress = "10.0.0.2";

/**
 * Opens two userspace tunnels over loopback on one backend, serves the web behind one, and fetches from it through the
 * other. Nothing is left of them.
 */
export async function demonstrate(
  backend: BackendKind,
  env: Environment,
  amounts: Amounts = defaultAmounts,
): Promise<Outcome> {
  try {
    const measurements = await withDeadline("The demonstration", limit, undefined, (signal) =>
      measure({ backend, env, signal }, amounts),
    );
    const { download, upload } = measurements;
    const outcome = download.sha256Equal && upload.sha256Equal ? "passed" : "damaged";
    return { backend, outcome, ...measurements };
  } catch (error) {
    const outcome = isUnavailable(error) ? "unavailable" : "failed";
    return { backend, outcome, reason: reasonOf(error) };
  }
}

/** Reports whether a backend failed because its engine is missing here, or does not fit this machine. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof WgBridgeError) || error.code === "WG_BRIDGE_EXECUTABLE_CRASHED") {
    return false;
  }
  return /^WG_BRIDGE_(ENGINE_|LIBRARY_|EXECUTABLE_|UNTRUSTED$|UNSUPPORTED$)/.test(error.code);
}

/** fetch says only that it failed, and its cause why. */
function reasonOf(error: unknown): string {
  const { cause } = error instanceof Error ? error : {};
  return cause instanceof Error && !(error instanceof WgBridgeError)
    ? `${messageOf(error)}: ${messageOf(cause)}`
    : messageOf(error);
}

interface Setting {
  readonly backend: BackendKind;
  readonly env: Environment;
  readonly signal: AbortSignal;
}

async function measure(setting: Setting, amounts: Amounts): Promise<Measurements> {
  const { signal } = setting;
  const payload = randomBytes(amounts.bytes);
  const sha256 = sha256Of(payload);
  const began = performance.now();
  await using pair = await openPair(setting);
  const { near, far } = pair;
  await untilReached(near, signal);
  const openSeconds = secondsSince(began);

  await using site = await serve(far, payload, signal);
  const requests = await fetchPages(near, site.origin, amounts.requests, signal);
  const download = await fetchPayload(near, site.origin, sha256, signal);
  const upload = await sendPayload(near, site.origin, payload, sha256, signal);

  const [peer] = (await near.status({ signal })).peers;
  const encrypted = {
    sent: Number(peer?.sentBytes ?? 0),
    received: Number(peer?.receivedBytes ?? 0),
  };
  requireWireGuard(encrypted, amounts);
  return { openSeconds, requests, download, upload, encrypted };
}

interface Pair extends AsyncDisposable {
  readonly near: UserspaceTunnel;
  readonly far: UserspaceTunnel;
}

/** Opens a tunnel at a port that the kernel chooses, and one that knows it as its peer. */
async function openPair({ backend, env, signal }: Setting): Promise<Pair> {
  const options = { network: "userspace", backend, env, signal } as const;
  const [nearKey, farKey] = [PrivateKey.generate(), PrivateKey.generate()];
  const opened: UserspaceTunnel[] = [];
  const close = async () => {
    await Promise.all(opened.map((tunnel) => tunnel.close()));
  };
  try {
    const far = await openTunnel({
      ...options,
      addresses: [serverAddress],
      config: {
        privateKey: farKey,
        peers: [{ publicKey: nearKey.publicKey(), allowedIps: [`${clientAddress}/32`] }],
      },
    });
    opened.push(far);
    const { listenPort } = await far.status({ signal });
    const peer = {
      publicKey: farKey.publicKey(),
      endpoint: `127.0.0.1:${listenPort}`,
      allowedIps: [`${serverAddress}/32`],
    };
    const near = await openTunnel({
      ...options,
      addresses: [clientAddress],
      config: { privateKey: nearKey, peers: [peer] },
    });
    opened.push(near);
    return { near, far, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    nearKey.destroy();
    farKey.destroy();
  }
}

/** @throws Error that says what may keep the tunnels apart */
async function untilReached(near: UserspaceTunnel, signal: AbortSignal): Promise<void> {
  try {
    await near.ping(serverAddress, { timeout: pingTimeout }, signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw new WgBridgeError(
      "WG_BRIDGE_TIMEOUT",
      `The tunnels do not reach each other over 127.0.0.1 (${messageOf(cause)}): see that the interface lo is up, and that no firewall drops UDP on it.`,
      { cause },
    );
  }
}

interface Site extends AsyncDisposable {
  readonly origin: string;
}

/** Serves pages, the payload at /payload, and to who sends something its SHA-256. */
async function serve(far: UserspaceTunnel, payload: Buffer, signal: AbortSignal): Promise<Site> {
  const server = createServer(async (request, response) => {
    if (request.method === "PUT") {
      try {
        const hash = createHash("sha256");
        for await (const piece of request) hash.update(piece);
        response.end(hash.digest("hex"));
      } catch {
        response.destroy(); // the other end has gone, and reports why
      }
    } else {
      response.end(request.url === "/payload" ? payload : pageAt(request.url));
    }
  });
  // On a slow machine a request may take longer than Node's 5 seconds, and would meet a connection that has just ended.
  server.keepAliveTimeout = 0;
  const listening = await far.listen({ port: 80 }, signal);
  listening.on("connection", (socket) => server.emit("connection", socket));
  return {
    origin: `http://${serverAddress}`,
    async [Symbol.asyncDispose]() {
      endConnections(server);
      listening.close();
    },
  };
}

function endConnections(server: Server): void {
  server.closeAllConnections();
  server.close();
}

function pageAt(url: string | undefined): string {
  return `This page, ${url}, came through WireGuard.\n`;
}

async function fetchPages(
  near: UserspaceTunnel,
  origin: string,
  count: number,
  signal: AbortSignal,
): Promise<Measurements["requests"]> {
  await near.fetch(`${origin}/first`, { signal }).then((response) => response.text()); // loads what fetch needs
  const began = performance.now();
  for (let number = 1; number <= count; number++) {
    const path = `/page/${number}`;
    const response = await near.fetch(origin + path, { signal });
    const page = await response.text();
    if (response.status !== 200 || page !== pageAt(path)) {
      throw new Error(`The answer to request ${number} is not what the server sent.`);
    }
  }
  return { count, seconds: secondsSince(began) };
}

async function fetchPayload(
  near: UserspaceTunnel,
  origin: string,
  sha256: string,
  signal: AbortSignal,
): Promise<Transfer> {
  const hash = createHash("sha256");
  let bytes = 0;
  const began = performance.now();
  const { body } = await near.fetch(`${origin}/payload`, { signal });
  for await (const piece of body ?? []) {
    hash.update(piece);
    bytes += piece.length;
  }
  const sha256Equal = hash.digest("hex") === sha256;
  return { bytes, seconds: secondsSince(began), sha256Equal };
}

async function sendPayload(
  near: UserspaceTunnel,
  origin: string,
  payload: Buffer<ArrayBuffer>,
  sha256: string,
  signal: AbortSignal,
): Promise<Transfer> {
  const began = performance.now();
  const init = { method: "PUT", body: payload, signal };
  const received = await near.fetch(`${origin}/payload`, init).then((response) => response.text());
  return { bytes: payload.length, seconds: secondsSince(began), sha256Equal: received === sha256 };
}

/** @throws Error if less was encrypted than was moved: something would have gone by another way */
function requireWireGuard({ sent, received }: Measurements["encrypted"], { bytes }: Amounts): void {
  if (sent >= bytes && received >= bytes) return;
  throw new Error(
    `WireGuard counts ${sent} bytes sent and ${received} received, though ${bytes} were moved each way.`,
  );
}

function sha256Of(data: Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

function secondsSince(began: number): number {
  return (performance.now() - began) / 1000;
}
