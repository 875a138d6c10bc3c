import type { DeviceChangeInput } from "../device/change.js";
import { destroySecrets } from "../device/secrets.js";
import type { DeviceStatus } from "../device/status.js";
import { deviceChange, deviceStatus } from "../input/config.js";
import * as checked from "./encode.js";

// The encoders of "wg-bridge/uapi": they also check what no TypeScript compiler has seen.

/**
 * Writes a change as one UAPI set. What the engine can refuse comes first, so that nothing has changed yet
 * when it does: listen_port, fwmark, private_key, replace_peers, then the peers.
 * @throws WgBridgeError WG_BRIDGE_KEY, WG_BRIDGE_ALLOWED_IP, WG_BRIDGE_VALUE; WG_BRIDGE_ENDPOINT, also for a
 *   host name, which the engine does not resolve
 */
export function encodeChange(input: DeviceChangeInput): Buffer {
  const read = deviceChange(input, () => "change");
  try {
    return checked.encodeChange(read);
  } finally {
    destroySecrets(read);
  }
}

/**
 * Writes a status as an engine answers a get, with errno and blank line.
 * @throws WgBridgeError as encodeChange does
 */
export function encodeStatus(input: DeviceStatus): Buffer {
  const read = deviceStatus(input, () => "status");
  try {
    return checked.encodeStatus(read);
  } finally {
    destroySecrets(read);
  }
}
