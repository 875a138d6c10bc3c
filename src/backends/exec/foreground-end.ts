import type { Environment } from "../../artifacts.js";
import { WgBridgeError } from "../../errors.js";
import { unloggedEnd } from "../end.js";
import { startError } from "../failure.js";
import { parseStatus } from "../status.js";
import { callerStatusFd } from "./descriptors.js";
import { type ChildEnd, describeEnd } from "./foreign.js";

/** A tunnel that has ended in the foreground, and what ran it. */
export interface Ended {
  readonly executable: string;
  readonly name: string;
}

/** The error of an executable that ended by itself with an error, if nobody has reported it. */
export function failureError(
  { executable, name }: Ended,
  lastStatus: string | undefined,
  env: Environment,
): WgBridgeError | undefined {
  const status = parseStatus(lastStatus ?? "");
  if (status === undefined || status.state === "ready") {
    return new WgBridgeError(
      "WG_BRIDGE_ENGINE",
      `${executable} ended with an error. What it printed above says why.`,
    );
  }
  if (callerStatusFd(env) !== undefined) return undefined; // it has been written there
  return status.state === "failed"
    ? startError(name, status.failure)
    : unloggedEnd(name, lastStatus, env);
}

/** The error of a tunnel that is lost because its executable was killed or crashed. */
export function lostError({ executable, name }: Ended, end: ChildEnd): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_LOST",
    `${executable} ${describeEnd(end)}: the tunnel ${name} is gone. Start it again; with LOG_LEVEL=verbose its log may say more.`,
  );
}

/** The error of an executable that was given up because a signal did not end it. */
export function lateError({ executable, name }: Ended, signal: string): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_LOST",
    `${executable} did not end by ${signal}, and was killed. The tunnel ${name} is gone.`,
  );
}
