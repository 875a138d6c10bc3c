import { AttachedTunnel } from "../backends/attached.js";
import { TunnelEvents } from "./events.js";
import type { WatchOptions } from "./options.js";
import { OwnedTunnel } from "./owned.js";
import type { Tunnel } from "./tunnel.js";

/** How an interface is attached to. */
export interface AttachOptions extends WatchOptions {
  readonly signal?: AbortSignal;
}

/**
 * Takes hold of an interface that any wireguard-go program serves already, over its UAPI socket.
 * Closing the tunnel only lets go of it.
 * @throws WgBridgeError WG_BRIDGE_CLOSED where nothing serves the interface, WG_BRIDGE_PERMISSION,
 *   WG_BRIDGE_INTERFACE_NAME; or the signal's reason
 */
export async function attach(name: string, options: AttachOptions = {}): Promise<Tunnel> {
  options.signal?.throwIfAborted();
  const running = await AttachedTunnel.to(name);
  return new OwnedTunnel({
    running,
    reason: "Another program serves this interface.",
    events: new TunnelEvents(),
    watch: options,
  });
}
