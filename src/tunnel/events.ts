import type { TunnelEnd } from "../backends/backend.js";
import type { EndpointEvent, HandshakeEvent, SilentEvent } from "../device/observe.js";
import type { WgBridgeError } from "../errors.js";
import type { PublicKey } from "../values/key.js";

/** The interface was set up or down. */
export interface LinkEvent {
  readonly up: boolean;
}

/** The interface's MTU changed. Both are in bytes. */
export interface MtuEvent {
  readonly mtu: number;
  readonly previous: number;
}

/** The backend was lost, and will be started again after `delay` milliseconds. */
export interface RestartingEvent {
  /** 1 for the first attempt since the tunnel was last up. */
  readonly attempt: number;
  readonly delay: number;
  readonly cause: string;
}

/** The backend is up again, with its configuration. */
export interface RestartedEvent {
  readonly attempt: number;
}

/** A peer's host name could not be resolved again. The next poll retries. */
export interface ResolveFailedEvent {
  readonly peer: PublicKey;
  readonly error: WgBridgeError;
}

/** The events of a tunnel by name, and what their listeners receive. */
export interface TunnelEventMap {
  handshake: [HandshakeEvent];
  endpoint: [EndpointEvent];
  silent: [SilentEvent];
  link: [LinkEvent];
  mtu: [MtuEvent];
  /** The backend ended although nobody called close(). */
  lost: [TunnelEnd];
  restarting: [RestartingEvent];
  restarted: [RestartedEvent];
  resolveFailed: [ResolveFailedEvent];
  /** A line that the engine logged, with keys hidden. */
  log: [string];
}
