import type { EventEmitter } from "node:events";
import type { DeviceChange } from "../device/change.js";
import { destroySecrets } from "../device/secrets.js";
import type { DeviceStatus } from "../device/status.js";
import { WgBridgeError } from "../errors.js";
import { type Endpoint, formatEndpoint } from "../values/endpoint.js";
import type { PublicKey } from "../values/key.js";
import type { TunnelEventMap } from "./events.js";
import { hasHostName, type Lookup, resolveEndpoint } from "./resolve.js";

/** When host names are resolved again. */
export interface ResolveOptions {
  /** Milliseconds without a handshake after which it is done. Default 135 s, as wg's reresolve-dns. */
  readonly silentFor?: number;
  /** Milliseconds between two looks. Default 30 s. */
  readonly interval?: number;
  /** Finds an address of a host name. Default: the system's resolver. */
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

/** Resolves the endpoints' host names again when their peers' handshakes stop. */
export class Reresolve {
  readonly #ports: Ports;
  readonly #silentFor: number;
  readonly #interval: number;
  readonly #named = new Map<PublicKey, Endpoint>();
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  #looking = false;

  constructor(options: ResolveOptions, ports: Ports) {
    this.#ports = ports;
    this.#silentFor = options.silentFor ?? defaultSilentFor;
    this.#interval = options.interval ?? defaultInterval;
  }

  /** These are all peers that there are, as they were asked for. */
  replace(peers: readonly { readonly publicKey: PublicKey; readonly endpoint?: Endpoint }[]): void {
    this.#named.clear();
    this.learn(peers);
  }

  /** These peers were changed. One whose endpoint is now an address is no longer looked after. */
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

  /** Ends it, for good. */
  end(): void {
    this.#ended = true;
    this.#startOrStop();
  }

  #startOrStop(): void {
    const wanted = this.#named.size > 0 && !this.#ended;
    if (wanted === (this.#timer !== undefined)) return;
    clearInterval(this.#timer);
    this.#timer = wanted ? setInterval(() => void this.#look(), this.#interval).unref() : undefined;
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const status = await this.#ports.status();
      destroySecrets(status);
      const now = Date.now();
      for (const { publicKey, latestHandshake, endpoint } of status.peers) {
        const silent = now - (latestHandshake?.getTime() ?? 0) >= this.#silentFor;
        if (silent) await this.#again(publicKey, endpoint);
      }
    } catch {
      // The tunnel has ended, or is being started again: its own events tell that.
    } finally {
      this.#looking = false;
    }
  }

  async #again(peer: PublicKey, present: Endpoint | undefined): Promise<void> {
    const named = this.#named.get(peer);
    if (named === undefined) return;
    try {
      const { lookup, update } = this.#ports;
      const endpoint = await resolveEndpoint(peer, named, lookup);
      // Somebody may have given it another endpoint while the resolver was asked.
      if (this.#ended || this.#named.get(peer) !== named) return;
      if (present !== undefined && formatEndpoint(present) === formatEndpoint(endpoint)) return;
      await update({ peers: [{ publicKey: peer, updateOnly: true, endpoint }] });
    } catch (error) {
      if (!(error instanceof WgBridgeError) || error.code !== "WG_BRIDGE_RESOLVE") throw error;
      // A listener that throws is the program's fault, and must not end the look at the other peers.
      queueMicrotask(() => this.#ports.events.emit("resolveFailed", { peer, error }));
    }
  }
}
