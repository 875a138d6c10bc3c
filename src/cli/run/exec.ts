import { constants } from "node:os";
import type { Environment } from "../../artifacts.js";
import { exitOf, outputOf } from "../../backends/exec/exit.js";
import { spawnExecutable } from "../../backends/exec/spawn.js";
import { readLines } from "../../backends/lines.js";
import { messageOf } from "../../errors.js";
import { childStdio, descriptorOf, statusVariable, stdioWithStatus } from "./descriptors.js";
import { say } from "./report.js";
import { SignalForwarding } from "./signals.js";

/** How long a program that went into the background may take to answer, in milliseconds. */
const answerTimeout = 10_000;

const inherit = ["inherit", "inherit", "inherit"] as const;

/** Runs `executable -f name` until it ends, and returns the exit code to end with. */
export async function runInForeground(
  executable: string,
  name: string,
  env: Environment,
): Promise<number> {
  const callerReadsStatus = descriptorOf(env, statusVariable) !== undefined;
  const prepared = callerReadsStatus
    ? { stdio: childStdio(env, inherit), env: { ...env }, statusFd: -1 }
    : stdioWithStatus(env, inherit);
  const signals = new SignalForwarding();
  const child = await spawnExecutable(executable, ["-f", name], prepared);
  signals.to(child);
  const exited = exitOf(child);
  let status: string | undefined;
  if (!callerReadsStatus) {
    void readLines(outputOf(child, prepared.statusFd), (line) => {
      status ??= line;
    });
  }
  const { code, signal } = await exited;
  signals.stop();
  if (signal !== null) return reportSignal(executable, name, signal, signals.last);
  if (code !== 0 && status !== "ready") {
    say(status ?? `${executable} ended with exit code ${code}. What it printed above says why.`);
  }
  return code ?? 1;
}

/** Runs `executable name`, which goes into the background, and returns once its tunnel answers. */
export async function runInBackground(
  executable: string,
  name: string,
  env: Environment,
): Promise<number> {
  const signals = new SignalForwarding();
  const child = await spawnExecutable(executable, [name], {
    stdio: childStdio(env, inherit),
    env: { ...env },
  });
  signals.to(child);
  const { code, signal } = await exitOf(child);
  signals.stop();
  if (signal !== null) return reportSignal(executable, name, signal, signals.last);
  if (code !== 0) {
    say(`${executable} ended with exit code ${code}. What it printed above says why.`);
    return 1;
  }
  if (!hasUsualSocket(name, env)) return 0;
  return waitForAnswer(executable, name);
}

/** The name may stand for another when the caller gives the descriptors or lets Linux count. */
function hasUsualSocket(name: string, env: Environment): boolean {
  return !env.WG_TUN_FD && !env.WG_UAPI_FD && !name.includes("%");
}

/** A program that returns before it can serve has not said yet that there is a tunnel. */
async function waitForAnswer(executable: string, name: string): Promise<number> {
  const { exchangeOverSocket, removeDeadSocket } = await import("../../uapi/socket.js");
  const { withDeadline } = await import("../../uapi/deadline.js");
  try {
    await withDeadline(`Waiting for ${name}`, answerTimeout, undefined, (signal) =>
      exchangeOverSocket(name, "get=1\n\n", signal),
    );
    return 0;
  } catch (error) {
    say(`${executable} ended well, but there is no tunnel: ${messageOf(error)}`);
    await removeDeadSocket(name);
    return 1;
  }
}

async function reportSignal(
  executable: string,
  name: string,
  signal: NodeJS.Signals,
  forwarded: NodeJS.Signals | undefined,
): Promise<number> {
  const { removeDeadSocket } = await import("../../uapi/socket.js");
  await removeDeadSocket(name);
  // As a shell reports it: the child was ended by what was meant for both.
  if (signal === forwarded) return 128 + constants.signals[signal];
  say(
    `${executable} was killed by ${signal}: the tunnel ${name} is gone. Start it again; if nobody killed it, its log may say more with LOG_LEVEL=verbose.`,
  );
  return 1;
}
