import { setTimeout as delay } from "node:timers/promises";
import { hasCode } from "../../errors.js";
import { getRequest } from "../../uapi/request.js";
import { exchangeOverSocket } from "../../uapi/socket.js";

/** How often a program that does not say when it is ready is asked, in milliseconds. */
const pollInterval = 20;

/**
 * Resolves once something answers on the interface's socket, which is asked every `interval`
 * milliseconds. Waits until then, or until the signal fires, with whose reason it rejects.
 * @throws WgBridgeError WG_BRIDGE_PERMISSION where the socket may not be opened.
 */
export async function untilAnswer(
  name: string,
  signal: AbortSignal,
  interval = pollInterval,
): Promise<void> {
  for (;;) {
    try {
      await exchangeOverSocket(name, getRequest, signal);
      return;
    } catch (error) {
      // Until it answers, nothing serves the socket, or it hangs up.
      if (!hasCode(error, "WG_BRIDGE_CLOSED", "WG_BRIDGE_LOST")) throw error;
    }
    await delay(interval, undefined, { signal });
  }
}
