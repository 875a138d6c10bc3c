import { writeSync } from "node:fs";
import type { Environment } from "../../artifacts.js";
import { shortageError } from "../../descriptors.js";
import { messageOf, WgBridgeError } from "../../errors.js";
import { say } from "../say.js";
import { descriptorOf, statusVariable } from "./descriptors.js";

/**
 * Tells the one who started this process why there is no tunnel: on WG_PROCESS_STATUS_FD where that
 * is given, as "CODE: cause", or else on standard error.
 */
export function reportFailure(env: Environment, thrown: unknown): void {
  const error = shortageError("Starting the tunnel", thrown) ?? thrown;
  const fd = descriptorOf(env, statusVariable);
  if (fd === undefined) {
    say(messageOf(error));
    return;
  }
  const code = error instanceof WgBridgeError ? error.code : "WG_BRIDGE_ENGINE";
  writeSync(fd, `${code}: ${messageOf(error).replaceAll("\n", " ")}\n`);
}
