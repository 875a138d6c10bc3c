import type { EventEmitter } from "node:events";
import { observe } from "../device/observe.js";
import { destroySecrets } from "../device/secrets.js";
import type { DeviceStatus } from "../device/status.js";
import type { TunnelEventMap } from "./events.js";
import { type Link, readLink, readLinkOr } from "./link.js";

/** The events that only polling the device can find. */
const polledEvents = ["handshake", "endpoint", "silent", "link", "mtu"] as const;

/** Polls a device while somebody listens for one of polledEvents, and emits what changed. */
export class Watch {
  readonly #name: string;
  readonly #interval: number;
  readonly #events: EventEmitter<TunnelEventMap>;
  readonly #status: () => Promise<DeviceStatus>;
  #timer: NodeJS.Timeout | undefined;
  #polling = false;
  #ended = false;
  #previous: { readonly status: DeviceStatus; readonly at: number } | undefined;
  #link: Link | undefined;

  /** `interval` is in milliseconds. */
  constructor(
    name: string,
    interval: number,
    events: EventEmitter<TunnelEventMap>,
    status: () => Promise<DeviceStatus>,
  ) {
    this.#name = name;
    this.#interval = interval;
    this.#events = events;
    this.#status = status;
    this.followListeners();
  }

  /** Makes the polling start and stop with the listeners. Call it again after all listeners, ours too, were removed. */
  followListeners(): void {
    const events: NodeJS.EventEmitter = this.#events; // the map leaves out what every EventEmitter emits
    const follow = () => this.#startOrStop();
    // "newListener" is emitted before the listener is added.
    events.on("newListener", () => queueMicrotask(follow)).on("removeListener", follow);
    follow();
  }

  /** Ends the watch, for good. */
  end(): void {
    this.#ended = true;
    this.#startOrStop();
  }

  #startOrStop(): void {
    const heard = polledEvents.some((name) => this.#events.listenerCount(name) > 0);
    const wanted = heard && !this.#ended;
    if (wanted === (this.#timer !== undefined)) return;
    if (wanted) {
      this.#link = readLinkOr(this.#name, undefined);
      this.#timer = setInterval(() => void this.#poll(), this.#interval).unref();
      void this.#poll();
      return;
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#previous = undefined;
    this.#link = undefined;
  }

  async #poll(): Promise<void> {
    if (this.#polling) return;
    this.#polling = true;
    try {
      const status = await this.#status();
      destroySecrets(status);
      if (this.#timer === undefined) return;
      const now = Date.now();
      const observations = observe(this.#previous, status, now);
      this.#previous = { status, at: now };
      for (const observation of observations) this.#emitObservation(observation);
      this.#pollLink();
    } catch {
      // The tunnel has ended, is being restarted, or is too busy: its own events report that.
    } finally {
      this.#polling = false;
    }
  }

  #emitObservation(observation: ReturnType<typeof observe>[number]): void {
    // One call each: the compiler connects a name with its event only if it knows the name.
    switch (observation[0]) {
      case "handshake":
        this.#emit(() => this.#events.emit("handshake", observation[1]));
        return;
      case "endpoint":
        this.#emit(() => this.#events.emit("endpoint", observation[1]));
        return;
      case "silent":
        this.#emit(() => this.#events.emit("silent", observation[1]));
    }
  }

  #pollLink(): void {
    const link = readLink(this.#name);
    const before = this.#link;
    this.#link = link;
    if (link === undefined || before === undefined) return;
    if (link.up !== before.up) this.#emit(() => this.#events.emit("link", { up: link.up }));
    if (link.mtu !== before.mtu) {
      const event = { mtu: link.mtu, previous: before.mtu };
      this.#emit(() => this.#events.emit("mtu", event));
    }
  }

  /** Emits outside of any try: an exception in a listener is the program's, and must not be caught here. */
  #emit(emit: () => void): void {
    queueMicrotask(emit);
  }
}
