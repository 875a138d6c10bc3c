import type { DeviceStatus } from "../../device/status.js";
import type { Tunnel } from "../../tunnel/tunnel.js";
import { withDeadline } from "../../uapi/deadline.js";

/** How long one look waits for an interface, in milliseconds: the others are shown after that. */
const patience = 1_000;

/**
 * Asks interfaces for their states, again and again. One that has not answered yet is not asked anew: its
 * answer counts for the look in which it comes.
 */
export class PatientAsker {
  readonly #signal: AbortSignal;
  readonly #asked = new Map<Tunnel, Promise<DeviceStatus>>();

  /** The signal gives up all that is asked. */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** @throws WgBridgeError WG_BRIDGE_TIMEOUT after a second, or what the tunnel's status does */
  status(tunnel: Tunnel): Promise<DeviceStatus> {
    const answer = this.#asked.get(tunnel) ?? this.#ask(tunnel);
    return withDeadline(`Asking ${tunnel.name} for its state`, patience, undefined, () => answer);
  }

  #ask(tunnel: Tunnel): Promise<DeviceStatus> {
    const answer = tunnel.status(this.#signal).finally(() => this.#asked.delete(tunnel));
    answer.catch(() => {}); // the look may not wait for it
    this.#asked.set(tunnel, answer);
    return answer;
  }
}
