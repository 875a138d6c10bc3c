import type { EventEmitter } from "node:events";
import type { BackendKind, TunnelEnd } from "../backends/backend.js";
import type { DeviceChangeInput } from "../device/change.js";
import type { DeviceStatus } from "../device/status.js";
import type { CallOptions } from "../input/call-options.js";
import type { TunnelEventMap } from "./events.js";
import type { ConfigInput } from "./options.js";

/**
 * A WireGuard tunnel. Whoever opened it must close it. Its changes are made one after another, in the
 * order of the calls. It emits the events of TunnelEventMap; while nobody listens they cost nothing.
 */
export interface Tunnel extends EventEmitter<TunnelEventMap>, AsyncDisposable {
  /** The interface's name. */
  readonly name: string;
  /** What runs it. "attached": another program does. */
  readonly backend: BackendKind | "attached";
  /** Why this backend was chosen: one line for people. */
  readonly reason: string;
  /**
   * Returns the current state of the device.
   * @throws WgBridgeError WG_BRIDGE_CLOSED after close(); WG_BRIDGE_LOST after any other end, and while the
   *   backend is being restarted; WG_BRIDGE_TIMEOUT after 30 s; WG_BRIDGE_UAPI for an answer that cannot be
   *   read; or the signal's reason
   */
  status(options?: CallOptions): Promise<DeviceStatus>;
  /**
   * Makes the device match a configuration. Only what differs is sent, so no live session is dropped. As
   * by `wg syncconf`, peers that are not in the configuration are removed. An absent endpoint or listen
   * port stays as it is. Of a wg-quick file only the part for wg(8) counts. Host names are resolved first.
   * The configuration is read at once: changing it afterwards changes nothing.
   * @throws WgBridgeError as status does; ConfigError for a text that is not a configuration;
   *   WG_BRIDGE_RESOLVE; WG_BRIDGE_PORT_IN_USE and WG_BRIDGE_REFUSED, after which nothing has changed;
   *   WG_BRIDGE_CONFLICT if other programs keep changing the device, which then may hold parts of both
   */
  apply(config: ConfigInput, options?: CallOptions): Promise<void>;
  /**
   * Makes one change, as a whole or not at all. If the signal fires, update and apply reject at once; a
   * change that has begun is finished all the same, because an engine would keep half of a request that is
   * cut short. The change is read at once.
   * @throws WgBridgeError as apply does, except for a text and for WG_BRIDGE_CONFLICT
   */
  update(change: DeviceChangeInput, options?: CallOptions): Promise<void>;
  /** Resolves with the reason once the tunnel has ended for good. Never rejects. */
  readonly closed: Promise<TunnelEnd>;
  /**
   * Ends the tunnel, or only lets go of one that was attached to. Resolves once interface and socket are
   * gone. Can be called repeatedly.
   */
  close(): Promise<void>;
}
