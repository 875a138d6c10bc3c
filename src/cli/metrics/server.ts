import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { messageOf, systemCodeOf, WgBridgeError } from "../../errors.js";
import { parseEndpoint } from "../../values/endpoint.js";

/**
 * Serves metrics over HTTP until SIGTERM, SIGINT or SIGHUP, which end it well.
 * @throws WgBridgeError WG_BRIDGE_ENDPOINT, WG_BRIDGE_NETWORK
 */
export async function serveMetrics(
  listen: string,
  collect: () => Promise<string>,
): Promise<number> {
  const { host, port } = parseEndpoint(listen);
  const server = createServer((request, response) => void answer(request, response, collect));
  const end = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, resolve);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(listenError(listen, error)));
    server.listen(port, host, resolve);
  });
  process.stderr.write(`wg-bridge: serving http://${listen}/metrics\n`);
  await end;
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
  return 0;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  collect: () => Promise<string>,
): Promise<void> {
  // Not by URL, which throws for some of what a client may send.
  const [path] = (request.url ?? "/").split("?", 1);
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
  } else if (path === "/") {
    send(response, 200, "text/html; charset=utf-8", '<a href="/metrics">Metrics</a>\n');
  } else if (path !== "/metrics") {
    send(response, 404, "text/plain; charset=utf-8", "There is only /metrics.\n");
  } else {
    try {
      send(response, 200, "text/plain; version=0.0.4; charset=utf-8", await collect());
    } catch (error) {
      send(response, 503, "text/plain; charset=utf-8", `${messageOf(error)}\n`);
    }
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  const length = Buffer.byteLength(body);
  response.writeHead(status, { "content-type": type, "content-length": length }).end(body);
}

function listenError(listen: string, error: Error): Error {
  if (systemCodeOf(error) === undefined) return error;
  return new WgBridgeError(
    "WG_BRIDGE_NETWORK",
    `Metrics cannot be served at ${listen} (${messageOf(error)}). Give a free address and port: --listen=ADDRESS:PORT.`,
    { cause: error },
  );
}
