import { isIP, type Socket } from "node:net";
import type { ConnectionOptions, TLSSocket } from "node:tls";
import { failureOf, type TunnelSocket } from "../station/socket.js";
import type { ConnectOptions } from "./tunnel.js";

/** What undici gives its connector: where to connect to, and for TLS what tls.connect accepts. */
export interface UndiciConnectOptions {
  readonly hostname: string;
  readonly host?: string;
  readonly protocol: string;
  /** Empty for the protocol's own. */
  readonly port: string;
  readonly servername?: string;
  readonly localAddress?: string | null;
  /** A connection that TLS goes over, such as that to a proxy. */
  readonly httpSocket?: Socket;
}

/** The connector of undici 6 and newer. */
export type UndiciConnector = (
  options: UndiciConnectOptions,
  callback: (...outcome: [null, Socket] | [Error, null]) => void,
) => void;

/** How a connector secures its connections. */
export interface Security {
  readonly tls?: ConnectionOptions | undefined;
  readonly allowH2?: boolean | undefined;
  /** Milliseconds for the connection. */
  readonly timeout?: number | undefined;
}

/** Makes a connector from a function that connects through a tunnel. */
export function connectorOf(
  connect: (options: ConnectOptions) => Promise<TunnelSocket>,
  security: Security = {},
): UndiciConnector {
  return (options, callback) => {
    void connectFor(connect, options, security).then(
      (socket) => callback(null, socket),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
}

async function connectFor(
  connect: (options: ConnectOptions) => Promise<TunnelSocket>,
  options: UndiciConnectOptions,
  { tls, allowH2, timeout }: Security,
): Promise<Socket> {
  const { hostname, protocol, port, localAddress, httpSocket } = options;
  const isSecure = protocol === "https:";
  const target = {
    host: hostname,
    port: Number(port || (isSecure ? 443 : 80)),
    noDelay: true,
    ...(localAddress && { localAddress }),
    ...(timeout && { timeout }),
  };
  const socket = httpSocket ?? (await connect(target));
  if (!isSecure) return socket;
  const {
    hostname: _h,
    protocol: _p,
    port: _n,
    localAddress: _l,
    httpSocket: _s,
    ...own
  } = options;
  const servername = options.servername || tls?.servername || hostname;
  return secured(socket, {
    ALPNProtocols: allowH2 ? ["http/1.1", "h2"] : ["http/1.1"],
    ...tls,
    ...own,
    host: hostname,
    // RFC 6066: an address is no server name.
    ...(isIP(servername) === 0 ? { servername } : { servername: "" }),
  });
}

/** Resolves with a TLS connection over a socket once its handshake is done. */
async function secured(socket: Socket, options: ConnectionOptions): Promise<TLSSocket> {
  const { connect } = process.getBuiltinModule("node:tls");
  const secure = withFailures(connect({ ...options, socket }), socket);
  await new Promise<void>((resolve, reject) => {
    const closed = () => failed(new Error("The connection was closed before it was secure."));
    const failed = (error: Error) => {
      settle();
      reject(error);
    };
    const settle = () => {
      secure.off("error", failed).off("close", closed).off("secureConnect", done);
    };
    const done = () => {
      settle();
      resolve();
    };
    secure.on("error", failed).on("close", closed).on("secureConnect", done);
  });
  return secure;
}

/**
 * Makes a failure of the tunnel's connection one of the TLS connection over it. TLS reads past a net.Socket's methods,
 * and would take the end of a failed connection for that of the data.
 */
export function withFailures(secure: TLSSocket, socket: Socket): TLSSocket {
  const push = secure.push.bind(secure);
  let isSecure = false;
  secure.once("secureConnect", () => {
    isSecure = true;
  });
  secure.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk !== null) return push(chunk, encoding);
    void failureOf(socket).then((failure) => {
      if (secure.destroyed) return;
      if (failure !== undefined) {
        // Once it is secure, TLS emits the error of a socket that is failing by itself.
        if (!isSecure || !socket.destroyed) secure.destroy(failure);
        return;
      }
      push(null);
      secure.read(0);
    });
    return false;
  };
  return secure;
}
