import { constants } from "node:os";
import type { Environment } from "../../artifacts.js";
import { WgBridgeError } from "../../errors.js";
import type { ForegroundEnd } from "../backend.js";
import { startError } from "../failure.js";
import { SignalForwarding } from "../foreground-signals.js";
import { unloggedEnd } from "../status.js";
import { Child } from "./child.js";
import { childDescriptors, writeStatus } from "./descriptors.js";
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
    descriptors: childDescriptors(env, ["inherit", "inherit", "pipe"], true),
    onLine: (line) => process.stderr.write(`${line}\n`),
    onStatus: (line) => writeStatus(env, line),
  });
  signals.to(child);
  const end = await child.ended;
  signals.stop();
  if (end.signal !== null || end.code !== 0) {
    const { removeDeadSocket } = await import("../../uapi/socket.js");
    await removeDeadSocket(name).catch(() => {}); // it does no harm, and is no reason to hide the end
  }
  if (end.signal !== null && end.signal === signals.last) {
    // As a shell reports it: the signal was meant for both.
    return { exitCode: 128 + constants.signals[end.signal] };
  }
  const exitCode = end.code ?? 1;
  if (exitCode === 0) return { exitCode };
  if (end.signal !== null || end.crash !== undefined) {
    return { exitCode, error: lostError(executable, name, end, signals.last) };
  }
  return { exitCode, ...errorOf(executable, name, child, env) };
}

/** The error of a child that ended with an exit code other than 0, and did not crash. */
function errorOf(
  executable: string,
  name: string,
  { status, lastStatus }: Child,
  env: Environment,
): Omit<ForegroundEnd, "exitCode"> {
  switch (status?.state) {
    case "failed":
      return { error: startError(name, status.failure), isOnStatus: true };
    case "ended":
      return unloggedEnd(name, lastStatus, env);
    default:
      return {
        error: new WgBridgeError(
          "WG_BRIDGE_ENGINE",
          `${executable} ended with an error. What it printed above says why.`,
        ),
      };
  }
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
