import { EventEmitter } from "node:events";
import type { TunnelEnd } from "../backends/backend.js";
import type { EndpointEvent, HandshakeEvent, SilentEvent } from "../device/observe.js";
import type { WgBridgeError } from "../errors.js";
import type { PublicKey } from "../values/key.js";

/** The interface was set up or down. */
export interface LinkEvent {
  readonly up: boolean;
}

/** The interface's MTU was changed; both in bytes. */
export interface MtuEvent {
  readonly mtu: number;
  readonly previous: number;
}

/** The backend was lost, and will be started again after so many milliseconds. */
export interface RestartingEvent {
  /** 1 for the first attempt since the tunnel last worked. */
  readonly attempt: number;
  readonly delay: number;
  readonly cause: string;
}

/** A peer's host name could not be resolved again. It is tried again at the next look. */
export interface ResolveFailedEvent {
  readonly peer: PublicKey;
  readonly error: WgBridgeError;
}

/** What a tunnel tells, by the events' names. */
export interface TunnelEventMap {
  handshake: [HandshakeEvent];
  endpoint: [EndpointEvent];
  silent: [SilentEvent];
  link: [LinkEvent];
  mtu: [MtuEvent];
  /** The backend has ended although nobody called close(). */
  lost: [TunnelEnd];
  restarting: [RestartingEvent];
  /** The backend works again, with its configuration. */
  restarted: [{ readonly attempt: number }];
  resolveFailed: [ResolveFailedEvent];
  /** A line that the engine logged. Keys are hidden in it. */
  log: [string];
  /** Of every EventEmitter: somebody begins, or has ceased, to listen. */
  newListener: [string | symbol, unknown];
  removeListener: [string | symbol, unknown];
}

/** The events for which the device has to be looked at again and again. */
export const watchedEvents = ["handshake", "endpoint", "silent", "link", "mtu"] as const;

/**
 * A tunnel's events. Nobody listening costs nothing: the device is looked at only while somebody
 * listens for one of watchedEvents.
 */
export class TunnelEvents extends EventEmitter<TunnelEventMap> {
  /** Whether somebody listens for an event for which the device has to be looked at. */
  get watched(): boolean {
    return watchedEvents.some((name) => this.listenerCount(name) > 0);
  }

  /** Calls back whenever `watched` may have changed. */
  onListeners(changed: () => void): void {
    // "newListener" comes before the listener is there.
    this.on("newListener", () => queueMicrotask(changed));
    this.on("removeListener", changed);
  }
}
