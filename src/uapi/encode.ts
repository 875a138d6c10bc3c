import type { DeviceChangeInput } from "../device/change.js";
import { destroySecrets } from "../device/secrets.js";
import type { DeviceStatus } from "../device/status.js";
import { deviceChange, deviceStatus } from "../input/config.js";
import * as change from "./change.js";
import * as status from "./encode-status.js";

// The encoders as "wg-bridge/uapi" has them, for what no TypeScript compiler has seen. Those that they
// call are for what was read already.

/**
 * Writes a change as one UAPI set. What the engine can refuse stands first, so that nothing has
 * changed when it does: listen_port, fwmark, private_key, replace_peers, then the peers.
 * @throws WgBridgeError WG_BRIDGE_KEY, WG_BRIDGE_ALLOWED_IP, WG_BRIDGE_VALUE; WG_BRIDGE_ENDPOINT also
 *   for a host name, which the engine does not resolve
 */
export function encodeChange(input: DeviceChangeInput): Buffer {
  const read = deviceChange(input, () => "change");
  try {
    return change.encodeChange(read);
  } finally {
    destroySecrets(read);
  }
}

/**
 * Writes a status as an engine answers a get, errno and blank line included.
 * @throws WgBridgeError as encodeChange does
 */
export function encodeStatus(input: DeviceStatus): Buffer {
  const read = deviceStatus(input, () => "status");
  try {
    return status.encodeStatus(read);
  } finally {
    destroySecrets(read);
  }
}
