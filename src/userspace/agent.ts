import type {
  ClientRequestArgs,
  Agent as HttpAgent,
  AgentOptions as HttpAgentOptions,
} from "node:http";
import type { Agent as HttpsAgent, AgentOptions as HttpsAgentOptions } from "node:https";
import { TLSSocket } from "node:tls";
import { WgBridgeError } from "../errors.js";
import type { TunnelSocket } from "../station/socket.js";
import { withFailures } from "./connector.js";
import type { ConnectOptions } from "./tunnel.js";

type CreateConnection = (options: ConnectOptions) => TunnelSocket;

/** Makes an agent whose connections go through a tunnel. */
export function agentOf(connect: CreateConnection, options?: HttpAgentOptions): HttpAgent {
  const { Agent } = process.getBuiltinModule("node:http");
  const agent = new Agent({ keepAlive: true, ...options });
  agent.createConnection = (request) => connectFor(connect, request, 80);
  return agent;
}

/** Makes an agent whose TLS connections go through a tunnel. */
export function httpsAgentOf(connect: CreateConnection, options?: HttpsAgentOptions): HttpsAgent {
  const { Agent } = process.getBuiltinModule("node:https");
  const agent = new Agent({ keepAlive: true, ...options });
  // Node.js's own makes the TLS connection, and remembers its session.
  const secure = agent.createConnection.bind(agent);
  agent.createConnection = (request, callback) => {
    const socket = connectFor(connect, request, 443);
    const failed = (error: Error) => callback?.(error, socket);
    socket.once("error", failed);
    // TLS over a socket that is connected reads and writes without JavaScript between.
    socket.once("connect", () => {
      socket.off("error", failed);
      const over = { ...request, socket };
      const connection = secure(over);
      if (!connection) return;
      if (connection instanceof TLSSocket) withFailures(connection, socket);
      callback?.(null, connection);
    });
    return undefined;
  };
  return agent;
}

function connectFor(
  connect: CreateConnection,
  request: ClientRequestArgs,
  defaultPort: number,
): TunnelSocket {
  const { host, hostname, port, family, localAddress, socketPath, timeout } = request;
  if (socketPath) {
    throw new WgBridgeError(
      "WG_BRIDGE_UNSUPPORTED",
      "An agent of a tunnel cannot use a Unix socket of this machine: leave out socketPath.",
    );
  }
  const keepAlive = Reflect.get(request, "keepAlive");
  const initialDelay = Reflect.get(request, "keepAliveInitialDelay");
  const socket = connect({
    host: host ?? hostname ?? "localhost",
    port: Number(port || defaultPort),
    ...((family === 4 || family === 6) && { family }),
    ...(localAddress && { localAddress }),
    noDelay: Reflect.get(request, "noDelay") !== false,
    keepAlive: keepAlive === true,
    ...(typeof initialDelay === "number" && { keepAliveInitialDelay: initialDelay }),
  });
  if (timeout) socket.setTimeout(timeout);
  return socket;
}
