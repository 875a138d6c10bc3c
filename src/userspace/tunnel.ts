import type { Agent as HttpAgent, AgentOptions as HttpAgentOptions } from "node:http";
import type { Agent as HttpsAgent, AgentOptions as HttpsAgentOptions } from "node:https";
import type { LookupFunction } from "node:net";
import type { Agent, Dispatcher } from "undici";
import type { ProxySpec } from "../proxy/spec.js";
import type { TunnelDatagram } from "../station/datagram.js";
import type { TunnelServer } from "../station/server.js";
import type { TunnelSocket } from "../station/socket.js";
import type { Tunnel } from "../tunnel/tunnel.js";
import type { UndiciConnector } from "./connector.js";
import type { RunningProxy } from "./proxy.js";

/** Where to connect to inside a tunnel, and how. */
export interface ConnectOptions {
  /** An address, or a name that is looked up inside the tunnel. Of several addresses, those that answer late lose. */
  readonly host: string;
  readonly port: number;
  /** 4 or 6: only addresses of that family. Default 0, both. */
  readonly family?: 0 | 4 | 6;
  /** One of the tunnel's own addresses. Default: the tunnel chooses. */
  readonly localAddress?: string;
  readonly localPort?: number;
  /** Milliseconds after which the attempt fails with ETIMEDOUT. Default 30 s. */
  readonly timeout?: number;
  readonly keepAlive?: boolean;
  /** Milliseconds. Default: the stack's own time, 2 h. */
  readonly keepAliveInitialDelay?: number;
  readonly noDelay?: boolean;
  /** As for net.Socket: false ends this side with the other. Default false. */
  readonly allowHalfOpen?: boolean;
}

/** Where to listen inside a tunnel. */
export interface ListenOptions {
  /** 0 lets the tunnel choose. */
  readonly port: number;
  /** One of the tunnel's own addresses. Default: all. */
  readonly host?: string;
  /** How many connections wait to be accepted at most. Default: the stack's. */
  readonly backlog?: number;
  /** For each connection, as for net.createServer. Default false. */
  readonly allowHalfOpen?: boolean;
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  readonly keepAliveInitialDelay?: number;
}

/** Where to bind a datagram socket inside a tunnel. */
export interface DatagramOptions {
  /** Default 0: the tunnel chooses. */
  readonly port?: number;
  /** One of the tunnel's own addresses. Default: all of the type's family, or of both. */
  readonly address?: string;
  readonly type?: "udp4" | "udp6";
}

/** How to ping through a tunnel. */
export interface PingOptions {
  /** Bytes of payload. Default 0. */
  readonly size?: number;
  /** Milliseconds. Default 10 s. */
  readonly timeout?: number;
  readonly family?: 0 | 4 | 6;
}

/** Why names could not be looked up inside a tunnel. Lookups that were given up count nowhere. */
export interface FailedLookups {
  /** The name cannot exist, or a server says that it has no such address. */
  readonly notFound: number;
  /** The tunnel has no DNS server. */
  readonly noServer: number;
  /** No server has answered in time. */
  readonly timedOut: number;
  /** No server could be asked, as if it is outside the peers' allowed IPs. */
  readonly unreachable: number;
  /** A server has answered with an error, or with what cannot be used. */
  readonly serverFailed: number;
}

/** What the network of a userspace tunnel counts. What is not said to be open counts from the tunnel's start. */
export interface NetworkStats {
  /** Open TCP connections, those included that wait to be accepted. */
  readonly connections: number;
  readonly waitingConnections: number;
  /** Open. */
  readonly datagramSockets: number;
  /** Open. */
  readonly servers: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** TCP segments that were sent again. */
  readonly retransmissions: number;
  readonly resetsReceived: number;
  readonly resetsSent: number;
  /** Connections that could not be made. */
  readonly failedConnections: number;
  /** Datagrams for which this program or the stack had no room. */
  readonly droppedDatagrams: number;
  /** Of this program, and of proxies unless they ask this machine's resolver. */
  readonly failedLookups: FailedLookups;
  /** Bytes that the engine has from the system, in its whole process. */
  readonly memory: number;
}

/**
 * A userspace tunnel: WireGuard with a network of its own inside the engine. The program reaches what is behind the
 * tunnel by the methods here; other programs, and what this one does by other means, do not. What goes through the
 * tunnel never falls back on the machine's own network or resolver.
 *
 * Once the tunnel is closed or lost, each of its sockets fails with a WgBridgeError WG_BRIDGE_CLOSED or WG_BRIDGE_LOST.
 */
export interface UserspaceTunnel extends Tunnel {
  /**
   * Connects to a TCP port.
   * @throws Error as net.connect's, with code, errno and syscall: ECONNREFUSED, ETIMEDOUT; EHOSTUNREACH if no peer's
   *   allowed IPs hold the address, or the peer has no endpoint; EADDRNOTAVAIL; ENOTFOUND and EAI_AGAIN for a name.
   *   WgBridgeError WG_BRIDGE_UNSUPPORTED for options of net.connect that have no meaning here; or the signal's reason
   */
  connect(options: ConnectOptions, signal?: AbortSignal): Promise<TunnelSocket>;
  /** Does the same at once, as net.createConnection: the socket emits "connect", or "error". */
  createConnection(options: ConnectOptions, listener?: () => void): TunnelSocket;
  /**
   * Listens on a TCP port.
   * @throws Error as net.Server's: EADDRINUSE, EADDRNOTAVAIL; or the signal's reason
   */
  listen(options: ListenOptions, signal?: AbortSignal): Promise<TunnelServer>;
  /**
   * Binds a UDP socket.
   * @throws Error as dgram's: EADDRINUSE, EADDRNOTAVAIL; or the signal's reason
   */
  datagram(options?: DatagramOptions, signal?: AbortSignal): Promise<TunnelDatagram>;
  /** Looks up a name inside the tunnel, as dns.lookup does. Can be given to what accepts such a function. */
  readonly lookup: LookupFunction;
  /**
   * Returns a name's IPv4 addresses.
   * @throws Error with the code ENOTFOUND or EAI_AGAIN; or the signal's reason
   */
  resolve4(name: string, signal?: AbortSignal): Promise<readonly string[]>;
  /** Returns a name's IPv6 addresses, and throws as resolve4 does. */
  resolve6(name: string, signal?: AbortSignal): Promise<readonly string[]>;
  /**
   * Sends an ICMP echo request, and resolves with the address that answered and the round trip's time.
   * @throws Error with the code ETIMEDOUT or EHOSTUNREACH; or the signal's reason
   */
  ping(
    host: string,
    options?: PingOptions,
    signal?: AbortSignal,
  ): Promise<{ readonly address: string; readonly milliseconds: number }>;
  /** Makes an agent for http.request and http.get, which keeps connections unless the options say otherwise. */
  agent(options?: HttpAgentOptions): HttpAgent;
  /** Makes an agent for https.request and https.get. */
  httpsAgent(options?: HttpsAgentOptions): HttpsAgent;
  /** Connects undici 6 and newer: `new Agent({ connect: tunnel.connector })`. */
  readonly connector: UndiciConnector;
  /**
   * Makes a dispatcher of undici 7, for the built-in fetch and WebSocket: `fetch(url, { dispatcher })`. Of its option
   * connect only what tls.connect accepts counts.
   */
  dispatcher(options?: Agent.Options): Promise<Dispatcher>;
  /** The fetch of undici 7, through the tunnel. Its responses are not instances of the global Response. */
  readonly fetch: typeof fetch;
  /**
   * Offers the tunnel to programs that know nothing of it: SOCKS5 and HTTP proxies, forwards into the tunnel, and ports
   * exposed to it. They run in the engine, so that their bytes do not pass through this program, and until they are
   * closed. They do not keep the process alive.
   * @throws WgBridgeError WG_BRIDGE_VALUE if the spec is wrong, or would let everybody use the tunnel; Error as
   *   net.Server's: EADDRINUSE, EACCES; or the signal's reason. Then nothing is open
   */
  proxy(spec: ProxySpec, signal?: AbortSignal): Promise<RunningProxy>;
  /** Returns what the tunnel's network has counted. */
  stats(signal?: AbortSignal): Promise<NetworkStats>;
}
