import { AttachedTunnel } from "../backends/attached.js";
import { TunnelHandle } from "./handle.js";
import type { AttachOptions } from "./options.js";
import type { Tunnel } from "./tunnel.js";

/** Attaches to an interface, as the public function of this name describes. */
export async function attach(name: string, options: AttachOptions): Promise<Tunnel> {
  options.signal?.throwIfAborted();
  const running = await AttachedTunnel.to(name);
  if (options.signal?.aborted) await running.close();
  options.signal?.throwIfAborted();
  const reason = "Another program serves this interface.";
  return new TunnelHandle({ running, reason, watch: options });
}
