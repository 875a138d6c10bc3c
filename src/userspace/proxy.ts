import { isIP } from "node:net";
import { untilAborted } from "../deadline.js";
import { WgBridgeError } from "../errors.js";
import {
  formatSocketAddress,
  isSocketPath,
  type ListenAddress,
  parseListen,
} from "../proxy/address.js";
import type { CheckedProxySpec, ProxyListener, ProxySpec } from "../proxy/spec.js";
import { formatUsers } from "../proxy/users.js";
import { frameError, type Message, numberIn, textsIn } from "../station/frames.js";
import type { Station } from "../station/station.js";
import { systemLookup } from "../tunnel/resolve.js";
import type { Endpoint } from "../values/endpoint.js";
import { refuseLoops } from "./loops.js";

/** Where proxies listen, in the order of their spec. A port 0 of the spec is the port that was chosen. */
export interface ProxyAddresses {
  readonly socks5: readonly ListenAddress[];
  readonly http: readonly ListenAddress[];
  readonly forward: readonly ListenAddress[];
}

/** What one proxy, forward or exposed port has counted since it was opened. */
export interface ProxyCounts {
  /** Connections of clients, or clients that sent datagrams. */
  readonly accepted: number;
  /** Those of them that are open. */
  readonly active: number;
  /** Connections that were closed at once: the proxies of a tunnel hold 10,000 together. */
  readonly refused: number;
  /** Clients without the right user and password. */
  readonly denied: number;
  /** Targets that could not be reached. */
  readonly failed: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly datagramsSent: number;
  readonly datagramsReceived: number;
  readonly datagramsDropped: number;
}

/** The counts of running proxies, in the order of their spec. */
export interface ProxyStats {
  readonly socks5: readonly ProxyCounts[];
  readonly http: readonly ProxyCounts[];
  readonly forward: readonly ProxyCounts[];
  readonly expose: readonly ProxyCounts[];
}

/**
 * What tunnel.proxy has opened. It ends with its tunnel. If a lost tunnel is started again, so are its proxies, at the
 * same addresses and ports; their connections are lost, and their counts begin anew.
 */
export interface RunningProxy extends AsyncDisposable {
  readonly addresses: ProxyAddresses;
  stats(signal?: AbortSignal): Promise<ProxyStats>;
  /**
   * Changes what is offered, without ending a connection. What listens already, for the same purpose, goes on with its
   * new users and targets. What the spec no longer has accepts nobody any more.
   * @throws as tunnel.proxy does; then everything is as before
   */
  update(spec: ProxySpec, signal?: AbortSignal): Promise<void>;
  /** Stops accepting, and resets what has not ended within `timeout` milliseconds. Default 0. */
  close(options?: { readonly timeout?: number }): Promise<void>;
}

const attempt = { syscall: "proxy" };

/** What running proxies need of their tunnel. */
export interface ProxySurroundings {
  readonly read: (spec: ProxySpec) => CheckedProxySpec;
  /** Where the tunnel's peers are. */
  readonly endpoints: () => Promise<readonly Endpoint[]>;
  /** The proxies to open again after a restart. */
  readonly open: Set<EngineProxy>;
}

/** Opens proxies. */
export async function openProxy(
  station: Station,
  spec: ProxySpec,
  surroundings: ProxySurroundings,
  signal?: AbortSignal,
): Promise<EngineProxy> {
  const checked = surroundings.read(spec);
  await refusePeersLoop(checked, surroundings);
  const fields = await requestOf(checked);
  signal?.throwIfAborted();
  const id = station.newId();
  const asked = station.request("proxy", { spec: fields }, attempt, undefined, id);
  const answer = await settled(asked, signal, () => station.tell("unproxy", { proxy: id }));
  const proxy = new EngineProxy(station, id, checked, addressesIn(answer), surroundings);
  surroundings.open.add(proxy);
  return proxy;
}

/** Resolves with the answer, or rejects with the signal's reason, and then undoes what is answered later. */
async function settled<T>(
  answer: Promise<T>,
  signal: AbortSignal | undefined,
  undo: () => void,
): Promise<T> {
  if (signal === undefined) return answer;
  try {
    return await untilAborted(answer, signal);
  } catch (error) {
    if (signal.aborted) answer.then(undo, () => {});
    throw error;
  }
}

/** Proxies of a station. */
export class EngineProxy implements RunningProxy {
  readonly #surroundings: ProxySurroundings;
  #station: Station;
  #id: number;
  #spec: CheckedProxySpec;
  #addresses: ProxyAddresses;

  constructor(
    station: Station,
    id: number,
    spec: CheckedProxySpec,
    addresses: ProxyAddresses,
    surroundings: ProxySurroundings,
  ) {
    this.#station = station;
    this.#id = id;
    this.#spec = spec;
    this.#addresses = addresses;
    this.#surroundings = surroundings;
  }

  get addresses(): ProxyAddresses {
    return this.#addresses;
  }

  /** Refuses new endpoints of peers that are forwards of these proxies. */
  refuseEndpoints(endpoints: readonly Endpoint[]): void {
    refuseLoops(atAddresses(this.#spec, this.#addresses).forward, endpoints);
  }

  /** Opens the same again, at the station of an engine that was started in place of a lost one. */
  async reopen(station: Station, signal?: AbortSignal): Promise<void> {
    const spec = await requestOf(atAddresses(this.#spec, this.#addresses));
    const id = station.newId();
    const answer = await station.request("proxy", { spec }, attempt, signal, id);
    if (!this.#surroundings.open.has(this)) {
      station.tell("unproxy", { proxy: id }); // closed meanwhile
      return;
    }
    this.#station = station;
    this.#id = id;
    this.#addresses = addressesIn(answer);
  }

  async stats(signal?: AbortSignal): Promise<ProxyStats> {
    const answer = await this.#station.request("stats", { proxy: this.#id }, attempt, signal);
    return statsOf(objectIn(answer, "counts"));
  }

  async update(spec: ProxySpec, signal?: AbortSignal): Promise<void> {
    const checked = this.#surroundings.read(spec);
    await refusePeersLoop(checked, this.#surroundings);
    const request = { proxy: this.#id, spec: await requestOf(checked) };
    this.#addresses = addressesIn(await this.#station.request("proxy", request, attempt, signal));
    this.#spec = checked;
  }

  async close({ timeout = 0 }: { readonly timeout?: number } = {}): Promise<void> {
    if (!Number.isInteger(timeout) || timeout < 0 || timeout >= 2 ** 31) {
      throw new WgBridgeError(
        "WG_BRIDGE_VALUE",
        `options.timeout is ${String(timeout)}: give milliseconds from 0 to 2147483647.`,
      );
    }
    this.#surroundings.open.delete(this);
    const request = { proxy: this.#id, ...(timeout > 0 && { timeout }) };
    try {
      await this.#station.request("unproxy", request, attempt);
    } catch {} // the tunnel has ended, and the proxies with it
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Asks where the peers are only if one of them could be at a forward. */
async function refusePeersLoop(
  { forward }: CheckedProxySpec,
  { endpoints }: ProxySurroundings,
): Promise<void> {
  if (forward.some(({ protocol }) => protocol === "udp")) refuseLoops(forward, await endpoints());
}

/** Returns a spec with the addresses that were chosen for it. */
function atAddresses(spec: CheckedProxySpec, addresses: ProxyAddresses): CheckedProxySpec {
  const at = <T extends { readonly listen: ListenAddress }>(
    entries: readonly T[],
    chosen: readonly ListenAddress[],
  ) => entries.map((entry, index) => ({ ...entry, listen: chosen[index] ?? entry.listen }));
  return {
    ...spec,
    socks5: at(spec.socks5, addresses.socks5),
    http: at(spec.http, addresses.http),
    forward: at(spec.forward, addresses.forward),
  };
}

/** Writes a spec as the engine reads it. */
async function requestOf({
  socks5,
  http,
  forward,
  expose,
  allow,
  hostDns,
}: CheckedProxySpec): Promise<Message> {
  const listener = ({ listen, users }: ProxyListener) => ({
    listen: formatSocketAddress(listen),
    users: formatUsers(users),
  });
  return {
    socks5: socks5.map(listener),
    http: http.map(listener),
    forward: forward.map(({ protocol, listen, target }) => ({
      protocol,
      listen: formatSocketAddress(listen),
      target: formatSocketAddress(target),
    })),
    expose: await Promise.all(
      expose.map(async ({ protocol, port, target }) => ({
        protocol,
        port,
        target: formatSocketAddress(await onThisMachine(target)),
      })),
    ),
    ...(allow && { allow }),
    ...(hostDns && { hostDns }),
  };
}

/** Looks up a name of the operator's, with this machine's resolver. The engine never does. */
async function onThisMachine(target: ListenAddress): Promise<ListenAddress> {
  if (isSocketPath(target) || isIP(target.host) !== 0 || target.host === "localhost") return target;
  return { host: await systemLookup(target.host), port: target.port };
}

function addressesIn(answer: Message): ProxyAddresses {
  const addresses = objectIn(answer, "addresses");
  const read = (name: string) => textsIn(addresses, name).map(parseListen);
  return { socks5: read("socks5"), http: read("http"), forward: read("forward") };
}

function statsOf(counts: Message): ProxyStats {
  const read = (name: string) => {
    const list: unknown = counts[name];
    return Array.isArray(list) ? list.map(countsOf) : [];
  };
  return {
    socks5: read("socks5"),
    http: read("http"),
    forward: read("forward"),
    expose: read("expose"),
  };
}

function countsOf(given: unknown): ProxyCounts {
  const counts = messageOf(given);
  const read = (name: string) => numberIn(counts, name) ?? 0;
  return {
    accepted: read("accepted"),
    active: read("active"),
    refused: read("refused"),
    denied: read("denied"),
    failed: read("failed"),
    sentBytes: read("sent"),
    receivedBytes: read("received"),
    datagramsSent: read("datagramsSent"),
    datagramsReceived: read("datagramsReceived"),
    datagramsDropped: read("datagramsDropped"),
  };
}

function objectIn(message: Message, field: string): Message {
  return messageOf(message[field]);
}

function messageOf(value: unknown): Message {
  if (typeof value === "object" && value !== null) return { ...value };
  throw frameError("an answer about proxies is not complete");
}
