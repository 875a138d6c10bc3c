import type { Environment } from "../../artifacts.js";
import { WgBridgeError } from "../../errors.js";
import type { ForegroundEnd } from "../backend.js";
import { unloggedEnd } from "../end.js";
import { startError } from "../failure.js";
import { SignalForwarding } from "../foreground-signals.js";
import { notifyingFor } from "../service-manager.js";
import { Child } from "./child.js";
import { callerStatusFd, childDescriptors, writeStatus } from "./descriptors.js";
import { type ChildEnd, describeEnd } from "./foreign.js";

/** Runs `executable -f name` until it ends. Its standard error comes through this process, which looks for a crash. */
export async function runInForeground(
  executable: string,
  name: string,
  env: Environment,
): Promise<ForegroundEnd> {
  const signals = new SignalForwarding();
  const child = await Child.start({
    command: executable,
    args: ["-f", name],
    descriptors: childDescriptors(notifyingFor(env), ["inherit", "inherit", "pipe"], true),
    onLine: (line) => process.stderr.write(`${line}\n`),
    onStatus: (line) => writeStatus(env, line),
  });
  signals.to(child);
  const end = await child.ended;
  signals.stop();
  if (end.signal !== null || end.code !== 0) {
    const { removeDeadSocket } = await import("../../uapi/socket.js");
    await removeDeadSocket(name);
  }
  const forwarded = signals.exitCodeOf(end);
  if (forwarded !== undefined) return { exitCode: forwarded };
  const exitCode = end.code ?? 1;
  if (exitCode === 0) return { exitCode };
  const hasCrashed = end.signal !== null || end.crash !== undefined;
  return {
    exitCode,
    error: hasCrashed
      ? lostError(executable, name, end, signals.last)
      : errorOf(executable, name, child, env),
  };
}

/** The error of a child that ended by itself, if nobody has reported it. */
function errorOf(
  executable: string,
  name: string,
  { status, lastStatus }: Child,
  env: Environment,
): WgBridgeError | undefined {
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

function lostError(
  executable: string,
  name: string,
  end: ChildEnd,
  forwarded: NodeJS.Signals | undefined,
): WgBridgeError {
  if (end.signal === "SIGKILL" && forwarded !== undefined) {
    return new WgBridgeError(
      "WG_BRIDGE_LOST",
      `${executable} did not end by ${forwarded}, and was killed. The tunnel ${name} is gone.`,
    );
  }
  return new WgBridgeError(
    "WG_BRIDGE_LOST",
    `${executable} ${describeEnd(end)}: the tunnel ${name} is gone. Start it again; with LOG_LEVEL=verbose its log may say more.`,
  );
}
