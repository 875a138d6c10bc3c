import { EventEmitter } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { BackendKind, RunningTunnel, TunnelEnd } from "../backends/backend.js";
import { endedError, parseTunnelEnd } from "../backends/end.js";
import type { DeviceChangeInput } from "../device/change.js";
import type { DeviceConfig } from "../device/config.js";
import { destroySecrets, withOwnSecrets } from "../device/secrets.js";
import type { DeviceStatus } from "../device/status.js";
import { messageOf } from "../errors.js";
import { type CallOptions, readCallOptions } from "../input/call-options.js";
import { Device } from "../uapi/device.js";
import type { TunnelEventMap } from "./events.js";
import { readChange, readConfigInput } from "./input.js";
import { type Link, readLinkOr } from "./link.js";
import type { ConfigInput, WatchOptions } from "./options.js";
import { Reresolve } from "./reresolve.js";
import { resolveConfig, resolvePeers, systemLookup } from "./resolve.js";
import type { Backoff } from "./restart.js";
import type { Tunnel } from "./tunnel.js";
import { Watch } from "./watch.js";

/** The last known state of a tunnel. */
export interface Known {
  readonly device: DeviceConfig;
  readonly link: Link | undefined;
}

/** How to bring back a tunnel that was lost. */
export interface Revival {
  readonly backoff: Backoff;
  /** Starts a backend for the interface, and restores its state. */
  start(name: string, known: Known, signal: AbortSignal): Promise<RunningTunnel>;
}

/** What a handle is made of. */
export interface Parts {
  readonly running: RunningTunnel;
  readonly reason: string;
  readonly watch: WatchOptions;
  /** What the device is configured with already. */
  readonly configured?: DeviceConfig;
  readonly revival?: Revival;
}

/** A program's handle on a tunnel: on its own, whose backend may be replaced, or on another program's. */
export class TunnelHandle extends EventEmitter<TunnelEventMap> implements Tunnel {
  readonly name: string;
  readonly backend: BackendKind | "attached";
  readonly reason: string;
  readonly closed: Promise<TunnelEnd>;
  readonly #device = new Device((request, signal) => this.#exchange(request, signal));
  readonly #watch: Watch;
  readonly #reresolve: Reresolve | undefined;
  readonly #lookup: (host: string) => Promise<string>;
  readonly #revival: Revival | undefined;
  readonly #closing = new AbortController();
  #running: RunningTunnel;
  /** Why #running cannot be used: it has ended, though another may be starting. */
  #end: TunnelEnd | undefined;
  #closed: Promise<void> | undefined;
  /** Whether another backend is being started. */
  #reviving = false;
  #known: Known;

  constructor({ running, reason, watch, configured, revival }: Parts) {
    super();
    this.#running = running;
    this.name = running.name;
    this.backend = running.backend;
    this.reason = reason;
    this.#revival = revival;
    const resolve = watch.resolve ?? {};
    this.#lookup = (resolve === false ? undefined : resolve.lookup) ?? systemLookup;
    const status = () => this.status();
    this.#watch = new Watch(this.name, watch.pollInterval ?? 1000, this, status);
    this.#reresolve =
      resolve === false
        ? undefined
        : new Reresolve(resolve, {
            status,
            events: this,
            lookup: this.#lookup,
            update: (change) => this.#device.update(change),
          });
    const known = revival && configured && withOwnSecrets(configured);
    this.#known = {
      device: known ?? { peers: [] },
      link: revival && readLinkOr(this.name, undefined),
    };
    this.#reresolve?.replace(configured?.peers ?? []);
    this.closed = this.#follow();
  }

  async status(options?: CallOptions): Promise<DeviceStatus> {
    const { signal } = readCallOptions(options);
    const status = await this.#device.status(signal);
    if (this.#revival !== undefined) {
      // A start that is under way still uses the old keys.
      if (!this.#reviving) destroySecrets(this.#known.device);
      const device = withOwnSecrets(status); // the caller may destroy what it gets
      this.#known = { device, link: readLinkOr(this.name, this.#known.link) };
    }
    return status;
  }

  async apply(config: ConfigInput, options?: CallOptions): Promise<void> {
    this.#refuseIfEnded();
    const { signal } = readCallOptions(options);
    const { device } = readConfigInput(config);
    const resolved = resolveConfig(device, this.#lookup, signal);
    await this.#device.apply(resolved, signal, () => destroySecrets(device));
    this.#reresolve?.replace(device.peers);
    await this.#remember();
  }

  async update(change: DeviceChangeInput, options?: CallOptions): Promise<void> {
    this.#refuseIfEnded();
    const { signal } = readCallOptions(options);
    const read = readChange(change);
    const { peers = [] } = read;
    const resolved = resolvePeers(peers, this.#lookup, signal);
    const whole = resolved.then((found) => ({ ...read, peers: found }));
    await this.#device.update(whole, signal, () => destroySecrets(read));
    if (read.replacePeers) this.#reresolve?.replace(peers);
    else this.#reresolve?.learn(peers);
    await this.#remember();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    if (this.#reviving) this.#end = parseTunnelEnd(this.name, "closed");
    try {
      await this.#running.close();
    } finally {
      await this.closed;
    }
  }

  override removeAllListeners(name?: unknown): this {
    if (name !== undefined) return super.removeAllListeners(name);
    super.removeAllListeners();
    this.#watch.followListeners();
    return this;
  }

  #refuseIfEnded(): void {
    if (this.#end !== undefined) throw endedError(this.#end);
  }

  async #exchange(request: Uint8Array, signal?: AbortSignal): Promise<Buffer> {
    this.#refuseIfEnded();
    return this.#running.exchange(request, signal);
  }

  /** Records the state of a tunnel that can be brought back. */
  async #remember(): Promise<void> {
    if (this.#revival !== undefined) destroySecrets(await this.status());
  }

  /** Follows the tunnel, over as many backends as are started, and resolves once it has ended for good. */
  async #follow(): Promise<TunnelEnd> {
    for (;;) {
      const began = performance.now();
      const end = await this.#running.ended;
      this.#end = end;
      this.#revival?.backoff.wasUp(performance.now() - began);
      if (end.reason !== "closed") this.#emitLater(() => this.emit("lost", end));
      const next = await this.#revive(end);
      this.#reviving = false;
      if (next === undefined) break;
      this.#running = next;
      this.#end = undefined;
      // close() was called meanwhile, and knows only the previous backend.
      if (this.#closing.signal.aborted) await next.close();
    }
    this.#watch.end();
    this.#reresolve?.end();
    destroySecrets(this.#known.device);
    return this.#end;
  }

  /** An exception in a listener is the program's, and must not end this tunnel. */
  #emitLater(emit: () => void): void {
    queueMicrotask(emit);
  }

  async #revive(end: TunnelEnd): Promise<RunningTunnel | undefined> {
    // Whoever deleted the interface or its socket wanted the tunnel to end. Nobody wants to lose a backend.
    if (this.#revival === undefined || end.reason !== "lost") return undefined;
    const { backoff } = this.#revival;
    const { signal } = this.#closing;
    this.#reviving = true;
    let cause = end.message;
    for (let next = backoff.next(); next !== undefined; next = backoff.next()) {
      if (signal.aborted) return undefined;
      const event = { ...next, cause };
      this.#emitLater(() => this.emit("restarting", event));
      try {
        await delay(next.delay, undefined, { signal });
        const running = await this.#revival.start(this.name, this.#known, signal);
        const { attempt } = next;
        setImmediate(() => this.emit("restarted", { attempt }));
        return running;
      } catch (error) {
        cause = messageOf(error);
      }
    }
    return undefined;
  }
}
