import type { EventEmitter } from "node:events";
import type { DeviceChange } from "../device/change.js";
import { destroySecrets } from "../device/secrets.js";
import type { DeviceStatus } from "../device/status.js";
import { WgBridgeError } from "../errors.js";
import { type Endpoint, formatEndpoint } from "../values/endpoint.js";
import type { PublicKey } from "../values/key.js";
import type { TunnelEventMap } from "./events.js";
import { hasHostName, type Lookup, resolveEndpoint } from "./resolve.js";

/** When to resolve the endpoints' host names again. */
export interface ResolveOptions {
  /** Milliseconds without a handshake after which a peer's name is resolved. Default 135 s, as for wg's reresolve-dns. */
  readonly silentFor?: number;
  /** Milliseconds between two checks. Default 30 s. */
  readonly interval?: number;
  /** Resolves a host name to an address. Default: the system's resolver. */
  readonly lookup?: (host: string) => Promise<string>;
}

const defaultSilentFor = 135_000;
const defaultInterval = 30_000;

interface Ports {
  readonly status: () => Promise<DeviceStatus>;
  readonly update: (change: DeviceChange) => Promise<void>;
  readonly events: EventEmitter<TunnelEventMap>;
  readonly lookup: Lookup;
}

/** Resolves an endpoint's host name again when the peer's handshakes stop. */
export class Reresolve {
  readonly #ports: Ports;
  readonly #silentFor: number;
  readonly #interval: number;
  readonly #named = new Map<PublicKey, Endpoint>();
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  #checking = false;

  constructor(options: ResolveOptions, ports: Ports) {
    this.#ports = ports;
    this.#silentFor = options.silentFor ?? defaultSilentFor;
    this.#interval = options.interval ?? defaultInterval;
  }

  /** Replaces all peers by these, with the endpoints that the program gave. */
  replace(peers: readonly { readonly publicKey: PublicKey; readonly endpoint?: Endpoint }[]): void {
    this.#named.clear();
    this.learn(peers);
  }

  /** Takes note of changed peers. It forgets one whose endpoint is now an address. */
  learn(
    peers: readonly {
      readonly publicKey: PublicKey;
      readonly endpoint?: Endpoint;
      readonly remove?: boolean;
    }[],
  ): void {
    for (const peer of peers) {
      if (hasHostName(peer)) this.#named.set(peer.publicKey, peer.endpoint);
      else if (peer.endpoint !== undefined || peer.remove) this.#named.delete(peer.publicKey);
    }
    this.#startOrStop();
  }

  /** Stops it, for good. */
  end(): void {
    this.#ended = true;
    this.#startOrStop();
  }

  #startOrStop(): void {
    const wanted = this.#named.size > 0 && !this.#ended;
    if (wanted === (this.#timer !== undefined)) return;
    clearInterval(this.#timer);
    this.#timer = wanted
      ? setInterval(() => void this.#check(), this.#interval).unref()
      : undefined;
  }

  async #check(): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    try {
      const status = await this.#ports.status();
      destroySecrets(status);
      const now = Date.now();
      for (const { publicKey, latestHandshake, endpoint } of status.peers) {
        const silent = now - (latestHandshake?.getTime() ?? 0) >= this.#silentFor;
        if (silent) await this.#resolveAgain(publicKey, endpoint);
      }
    } catch {
      // The tunnel has ended, or is being restarted: its own events report that.
    } finally {
      this.#checking = false;
    }
  }

  async #resolveAgain(peer: PublicKey, present: Endpoint | undefined): Promise<void> {
    const named = this.#named.get(peer);
    if (named === undefined) return;
    try {
      const { lookup, update } = this.#ports;
      const endpoint = await resolveEndpoint(peer, named, lookup);
      // The peer may have been given another endpoint while the resolver worked.
      if (this.#ended || this.#named.get(peer) !== named) return;
      if (present !== undefined && formatEndpoint(present) === formatEndpoint(endpoint)) return;
      await update({ peers: [{ publicKey: peer, updateOnly: true, endpoint }] });
    } catch (error) {
      if (!(error instanceof WgBridgeError) || error.code !== "WG_BRIDGE_RESOLVE") throw error;
      // An exception in a listener is the program's, and must not keep the other peers from being checked.
      queueMicrotask(() => this.#ports.events.emit("resolveFailed", { peer, error }));
    }
  }
}
