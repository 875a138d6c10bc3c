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
  /** What runs it; "attached": another program does. */
  readonly backend: BackendKind | "attached";
  /** Why it is this backend: one line for a person. */
  readonly reason: string;
  /**
   * What the device says of itself now.
   * @throws WgBridgeError WG_BRIDGE_CLOSED after close(); WG_BRIDGE_LOST after any other end, and at
   *   once while the backend is being started again; WG_BRIDGE_TIMEOUT after 30 s; WG_BRIDGE_UAPI for
   *   an answer that cannot be read; or the signal's reason
   */
  status(options?: CallOptions): Promise<DeviceStatus>;
  /**
   * Makes the device what the configuration says, and changes only what differs: no live session is
   * dropped. As for `wg syncconf`, peers that are not in it go. An absent endpoint or listen port stays
   * as it is. Of a file for wg-quick only wg's part counts. Host names are resolved first. What is given
   * is read at once: changing it afterwards changes nothing, here and in update.
   * @throws WgBridgeError as status does; ConfigError for a text; WG_BRIDGE_RESOLVE;
   *   WG_BRIDGE_PORT_IN_USE and WG_BRIDGE_REFUSED, after which nothing has changed;
   *   WG_BRIDGE_CONFLICT where other programs never stop changing it, after which it may have parts of
   *   both
   */
  apply(config: ConfigInput, options?: CallOptions): Promise<void>;
  /**
   * Makes one change, whole or not at all. A signal rejects at once, here and in apply; a change that
   * has begun is made all the same, because an engine would keep half of one that is cut short. Throws
   * what apply does, but for a text and a conflict.
   */
  update(change: DeviceChangeInput, options?: CallOptions): Promise<void>;
  /** Resolves when the tunnel has ended for good, with the reason. Never rejects. */
  readonly closed: Promise<TunnelEnd>;
  /**
   * Ends the tunnel; one that was attached to is only let go of. Resolves when interface and socket
   * are gone. Can be called repeatedly.
   */
  close(): Promise<void>;
}
