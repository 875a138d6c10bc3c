import type { Agent as HttpAgent, AgentOptions as HttpAgentOptions } from "node:http";
import type { Agent as HttpsAgent, AgentOptions as HttpsAgentOptions } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import type { Agent, Dispatcher } from "undici";
import { closedError } from "../backends/end.js";
import type { DeviceChangeInput } from "../device/change.js";
import { destroySecrets } from "../device/secrets.js";
import type { CallOptions } from "../input/call-options.js";
import { type ProxySpec, proxySpec } from "../proxy/spec.js";
import { openDatagram, type TunnelDatagram } from "../station/datagram.js";
import { networkError } from "../station/failure.js";
import { type Message, numberIn, textIn, textsIn } from "../station/frames.js";
import { listen, type TunnelServer } from "../station/server.js";
import { createSocket, type TunnelSocket, untilConnected } from "../station/socket.js";
import type { Station } from "../station/station.js";
import { type Parts, TunnelHandle } from "../tunnel/handle.js";
import { readChange, readConfigInput } from "../tunnel/input.js";
import type { ConfigInput } from "../tunnel/options.js";
import type { Endpoint } from "../values/endpoint.js";
import { agentOf, httpsAgentOf } from "./agent.js";
import { connectorOf, type UndiciConnector } from "./connector.js";
import { dispatcherOf, fetchOf } from "./dispatcher.js";
import {
  readConnectOptions,
  readDatagramOptions,
  readHost,
  readListenOptions,
  readPingOptions,
} from "./input.js";
import { refuseServersOutside } from "./name-servers.js";
import { type Network, networkOf } from "./network.js";
import { type EngineProxy, openProxy, type RunningProxy } from "./proxy.js";
import type {
  ConnectOptions,
  DatagramOptions,
  FailedLookups,
  ListenOptions,
  NetworkStats,
  PingOptions,
  UserspaceTunnel,
} from "./tunnel.js";

/** How long a connection may take, in milliseconds. */
const connectTimeout = 30_000;

/** What changes when a lost backend is started again. */
export interface Current {
  station: Station;
  network: Network;
  /** Opened at the station, and again at the next one. */
  readonly proxies: Set<EngineProxy>;
}

/** A program's handle on a userspace tunnel. */
export class UserspaceHandle extends TunnelHandle implements UserspaceTunnel {
  readonly lookup: LookupFunction;
  readonly connector: UndiciConnector;
  readonly fetch: typeof fetch;
  readonly #current: Current;

  constructor(parts: Parts, current: Current) {
    super(parts);
    this.#current = current;
    this.lookup = lookupOf((name, family) => this.#resolve(name, family));
    const connect = (options: ConnectOptions) => this.connect(options);
    this.connector = connectorOf(connect);
    this.fetch = fetchOf(connect);
  }

  get #station(): Station {
    return this.#current.station;
  }

  async connect(options: ConnectOptions, signal?: AbortSignal): Promise<TunnelSocket> {
    signal?.throwIfAborted();
    return untilConnected(this.createConnection(options), signal);
  }

  createConnection(options: ConnectOptions, listener?: () => void): TunnelSocket {
    const { host, port, family, localAddress, localPort, timeout, ...stream } =
      readConnectOptions(options);
    const limit = timeout ?? connectTimeout;
    const request = {
      kind: "connect",
      fields: () => ({ host, port, family, localAddress, localPort, timeout: limit }),
      attempt: { syscall: "connect", hostname: host, address: host, port },
      timeout: limit,
    };
    const socket = createSocket(this.#station, request, stream);
    return listener === undefined ? socket : socket.once("connect", listener);
  }

  async listen(options: ListenOptions, signal?: AbortSignal): Promise<TunnelServer> {
    const { host, port, backlog, ...stream } = readListenOptions(options);
    return listen(this.#station, { address: host, port, backlog, ...stream }, signal);
  }

  async datagram(options?: DatagramOptions, signal?: AbortSignal): Promise<TunnelDatagram> {
    const { port = 0, address, type } = readDatagramOptions(options);
    const any = type && (type === "udp4" ? "0.0.0.0" : "::");
    const lookup = (name: string, family: 0 | 4 | 6) => this.#resolve(name, family);
    return openDatagram(this.#station, lookup, { port, address: address ?? any }, signal);
  }

  resolve4(name: string, signal?: AbortSignal): Promise<readonly string[]> {
    return this.#resolve(readHost(name, "name"), 4, signal);
  }

  resolve6(name: string, signal?: AbortSignal): Promise<readonly string[]> {
    return this.#resolve(readHost(name, "name"), 6, signal);
  }

  async #resolve(
    name: string,
    family: 0 | 4 | 6,
    signal?: AbortSignal,
  ): Promise<readonly string[]> {
    const attempt = { syscall: "getaddrinfo", hostname: name };
    const answer = await this.#station.request("lookup", { name, family }, attempt, signal);
    return textsIn(answer, "addresses");
  }

  async ping(
    host: string,
    options?: PingOptions,
    signal?: AbortSignal,
  ): Promise<{ readonly address: string; readonly milliseconds: number }> {
    const checked = readHost(host, "host");
    const { size, timeout, family = 0 } = readPingOptions(options);
    const [address] =
      isIP(checked) === 0 ? await this.#resolve(checked, family, signal) : [checked];
    if (address === undefined) {
      throw networkError({ errno: "ENOTFOUND" }, { syscall: "getaddrinfo", hostname: checked });
    }
    const answer = await this.#station.request(
      "ping",
      { address, size, timeout },
      { syscall: "ping", address },
      signal,
    );
    const { milliseconds } = answer;
    return {
      address: textIn(answer, "address") ?? address,
      milliseconds: typeof milliseconds === "number" ? milliseconds : Number.NaN,
    };
  }

  agent(options?: HttpAgentOptions): HttpAgent {
    return agentOf((target) => this.createConnection(target), options);
  }

  httpsAgent(options?: HttpsAgentOptions): HttpsAgent {
    return httpsAgentOf((target) => this.createConnection(target), options);
  }

  dispatcher(options?: Agent.Options): Promise<Dispatcher> {
    return dispatcherOf((target) => this.connect(target), options);
  }

  async proxy(spec: ProxySpec, signal?: AbortSignal): Promise<RunningProxy> {
    signal?.throwIfAborted();
    const read = (given: ProxySpec) => proxySpec(given, () => "spec");
    const endpoints = async () => {
      const status = await this.status();
      try {
        return status.peers.flatMap(({ endpoint }) => endpoint ?? []);
      } finally {
        destroySecrets(status);
      }
    };
    const surroundings = { read, endpoints, open: this.#current.proxies };
    return openProxy(this.#station, spec, surroundings, signal);
  }

  async stats(signal?: AbortSignal): Promise<NetworkStats> {
    const answer = await this.#station.request("stats", {}, { syscall: "stats" }, signal);
    return statsOf(answer);
  }

  override async apply(config: ConfigInput, options?: CallOptions): Promise<void> {
    const { device, addresses, dns, mtu } = readConfigInput(config);
    destroySecrets(device); // the call below reads the configuration for itself
    this.#refuseLoops(device.peers);
    const { network } = this.#current;
    const wanted = networkOf({
      addresses: addresses.length > 0 ? addresses : network.addresses,
      dns: dns.length > 0 ? dns : [...network.dns, ...network.search],
      mtu: mtu ?? network.mtu,
      memory: network.memory,
    });
    refuseServersOutside(wanted, device.peers);
    await super.apply(config, options);
    if (JSON.stringify(wanted) === JSON.stringify(network)) return;
    await setNetwork(this.#station, wanted, options?.signal);
    this.#current.network = wanted;
  }

  override async update(change: DeviceChangeInput, options?: CallOptions): Promise<void> {
    const read = readChange(change);
    destroySecrets(read); // the call below reads the change for itself
    this.#refuseLoops(read.peers ?? []);
    await super.update(change, options);
  }

  #refuseLoops(peers: readonly { readonly endpoint?: Endpoint | undefined }[]): void {
    const endpoints = peers.flatMap(({ endpoint }) => endpoint ?? []);
    for (const proxy of this.#current.proxies) proxy.refuseEndpoints(endpoints);
  }

  override close(): Promise<void> {
    this.#station.close(closedError(this.name));
    return super.close();
  }
}

/** Sets the addresses, the name servers and the MTU of a tunnel. */
export async function setNetwork(
  station: Station,
  network: Network,
  signal?: AbortSignal,
): Promise<void> {
  await station.request("network", { ...network }, { syscall: "network" }, signal);
}

function statsOf(answer: Message): NetworkStats {
  const read = (field: string) => numberIn(answer, field) ?? 0;
  return {
    connections: read("streams"),
    waitingConnections: read("unaccepted"),
    datagramSockets: read("datagrams"),
    servers: read("listeners"),
    receivedBytes: read("received"),
    sentBytes: read("sent"),
    retransmissions: read("retransmissions"),
    resetsReceived: read("resetsReceived"),
    resetsSent: read("resetsSent"),
    failedConnections: read("refused"),
    droppedDatagrams: read("dropped"),
    failedLookups: failedLookupsOf(answer.failedLookups),
    memory: read("memory"),
  };
}

function failedLookupsOf(given: unknown): FailedLookups {
  const counts: Message = typeof given === "object" && given !== null ? { ...given } : {};
  const read = (field: keyof FailedLookups) => numberIn(counts, field) ?? 0;
  return {
    notFound: read("notFound"),
    noServer: read("noServer"),
    timedOut: read("timedOut"),
    unreachable: read("unreachable"),
    serverFailed: read("serverFailed"),
  };
}

/** Makes a function that is called as dns.lookup, and asks inside the tunnel. */
function lookupOf(
  resolve: (name: string, family: 0 | 4 | 6) => Promise<readonly string[]>,
): LookupFunction {
  return (hostname, options, callback) => {
    const family = familyIn(options.family);
    const literal = isIP(hostname);
    const found = literal === 0 ? resolve(hostname, family) : Promise.resolve([hostname]);
    void found.then(
      (addresses) => {
        const all = addresses.map((address) => ({ address, family: isIP(address) }));
        const [first] = all;
        if (options.all) callback(null, all);
        else callback(null, first?.address ?? "", first?.family);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), ""),
    );
  };
}

/** dns.lookup knows names of families as well. */
function familyIn(family: number | string | undefined): 0 | 4 | 6 {
  if (family === 4 || family === "IPv4") return 4;
  return family === 6 || family === "IPv6" ? 6 : 0;
}
