import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { hostname } from "node:os";
import { messageOf, systemCodeOf, WgBridgeError } from "../../errors.js";
import { printable } from "../../text/printable.js";
import { parseAddress } from "../../values/address.js";
import { parseEndpoint } from "../../values/endpoint.js";
import { say } from "../say.js";

/** Timeouts for clients, in milliseconds. */
export interface ClientLimits {
  /** To send a request. */
  readonly request: number;
  /** Without reading or sending anything. */
  readonly idle: number;
}

const clientLimits: ClientLimits = { request: 10_000, idle: 30_000 };

/**
 * Serves metrics over HTTP until SIGTERM, SIGINT or SIGHUP, and then returns 0. It answers requests whose
 * Host header is an address or one of `names`.
 * @throws WgBridgeError WG_BRIDGE_ENDPOINT, WG_BRIDGE_NETWORK
 */
export async function serveMetrics(
  listen: string,
  names: readonly string[],
  collect: () => Promise<string>,
): Promise<number> {
  const { host, port } = parseEndpoint(listen);
  const server = metricsServer([host, ...names], collect);
  const end = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, resolve);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(listen, error)));
    server.listen(port, host, resolve);
  });
  say(`serving http://${listen}/metrics`);
  await end;
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
  return 0;
}

/**
 * Makes the server, which does not listen yet. Requests that overlap share one answer. With `check` it also serves
 * /readyz: 200 with what that returns, or 503 with why it throws.
 */
export function metricsServer(
  names: readonly string[],
  collect: () => Promise<string>,
  limits = clientLimits,
  check?: () => Promise<string>,
): Server {
  const pages = new Map([["/metrics", { type: metricsType, text: shared(collect) }]]);
  if (check !== undefined) pages.set("/readyz", { type: plainText, text: shared(check) });
  const server = createServer(
    {
      headersTimeout: limits.request,
      requestTimeout: limits.request,
      connectionsCheckingInterval: limits.request / 2,
    },
    (request, response) => void answer(request, response, names, pages),
  );
  server.timeout = limits.idle;
  return server;
}

/** Calls that overlap share one run of the work. */
function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= work().finally(() => {
      running = undefined;
    });
    return running;
  };
}

interface Page {
  readonly type: string;
  readonly text: () => Promise<string>;
}

const plainText = "text/plain; charset=utf-8";
const metricsType = "text/plain; version=0.0.4; charset=utf-8";

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  names: readonly string[],
  pages: ReadonlyMap<string, Page>,
): Promise<void> {
  // Not with URL, which throws on some requests.
  const [path = "/"] = (request.url ?? "/").split("?", 1);
  const page = pages.get(path);
  if (!isOwnHost(request.headers.host, names)) {
    send(response, 421, plainText, wrongHostText);
  } else if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
  } else if (path === "/") {
    send(response, 200, "text/html; charset=utf-8", '<a href="/metrics">Metrics</a>\n');
  } else if (page === undefined) {
    send(response, 404, plainText, `There is only ${[...pages.keys()].join(" and ")}.\n`);
  } else {
    try {
      send(response, 200, page.type, await page.text());
    } catch (error) {
      send(response, 503, plainText, `${printable(messageOf(error))}\n`);
    }
  }
}

const wrongHostText =
  "Metrics are not served under this host name: use an address, or start wg-bridge metrics with --host=NAME.\n";

function send(response: ServerResponse, status: number, type: string, body: string): void {
  const length = Buffer.byteLength(body);
  response.writeHead(status, { "content-type": type, "content-length": length }).end(body);
}

/** Says that metrics cannot be served. */
export function listenError(listen: string, error: Error): Error {
  if (systemCodeOf(error) === undefined) return error;
  return new WgBridgeError(
    "WG_BRIDGE_NETWORK",
    `Metrics cannot be served at ${listen} (${messageOf(error)}). Give a free address and port: --listen=ADDRESS:PORT.`,
    { cause: error },
  );
}

/**
 * Whether a request's Host header names this server: any address, localhost, this machine's name, or one of
 * `names`. A web page can let its own name resolve to this machine (DNS rebinding), and a browser here would
 * then hand it the metrics; but the browser sends that name in the header. HTTP/1.0 may omit the header;
 * browsers never do.
 */
export function isOwnHost(header: string | undefined, names: readonly string[]): boolean {
  if (header === undefined) return true;
  const [, inBrackets, plain = ""] = /^(?:\[([^[\]]*)\]|([^:]*))(?::\d*)?$/.exec(header) ?? [];
  const host = normal(inBrackets ?? plain);
  const [address = ""] = host.split("%", 1);
  if (parseAddress(address) !== undefined) return true;
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  return [hostname(), ...names].some((name) => normal(name) === host);
}

/** Names are the same whatever their case, and with or without the root's dot. */
function normal(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
