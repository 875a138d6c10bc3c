import assert from "node:assert/strict";
import type { PeerStatus } from "../src/index.js";

/** After how many milliseconds the engine repeats a handshake that was not answered: Rekey-Timeout of WireGuard's paper. */
const rekeyTimeout = 5000;

/** The bytes of an echo reply of 84 bytes in WireGuard's message, with header and tag. Not every WireGuard pads it. */
const replyLength = 84 + 32;

/**
 * Asserts that a peer went on with its session while it answered so many pings.
 *
 * The engine may repeat a handshake that was answered: it sets the timer once the initiation has been sent, and an answer
 * that came before that does not stop it (SendHandshakeInitiation in its device/send.go).
 */
export function assertSameSession(
  after: PeerStatus | undefined,
  before: PeerStatus | undefined,
  pings: number,
): void {
  assert.ok(before?.latestHandshake !== undefined && after?.latestHandshake !== undefined);
  const received = Number(after.receivedBytes - before.receivedBytes);
  assert.ok(received >= pings * replyLength, `received ${received} bytes: it counts anew`);
  const later = after.latestHandshake.getTime() - before.latestHandshake.getTime();
  assert.ok(later === 0 || later >= rekeyTimeout, `another handshake after ${later} ms`);
}
