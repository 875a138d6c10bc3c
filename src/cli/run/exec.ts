import { constants } from "node:os";
import type { Environment } from "../../artifacts.js";
import { bareExitOf, exitOf, outputOf } from "../../backends/exec/exit.js";
import { spawnExecutable } from "../../backends/exec/spawn.js";
import { readLines } from "../../backends/lines.js";
import { readyName } from "../../backends/ready.js";
import { remedyFor } from "../../backends/start-failure.js";
import { messageOf } from "../../errors.js";
import { say } from "../say.js";
import {
  childStdio,
  descriptorOf,
  statusVariable,
  stdioWithStatus,
  withLifeline,
} from "./descriptors.js";
import { SignalForwarding } from "./signals.js";

/** How long a program that went into the background may take to answer, in milliseconds. */
const answerTimeout = 10_000;

/** How long a program may take to go into the background, in milliseconds: our own gives up before. */
const backgroundTimeout = 40_000;

const inherit = ["inherit", "inherit", "inherit"] as const;

/** Runs `executable -f name` until it ends, and returns the exit code to end with. */
export async function runInForeground(
  executable: string,
  name: string,
  env: Environment,
): Promise<number> {
  const signals = new SignalForwarding();
  const { child, status } = await start(executable, ["-f", name], env, withLifeline);
  signals.to(child);
  const { code, signal } = await exitOf(child);
  signals.stop();
  if (signal !== null) return reportSignal(executable, name, signal, signals.last);
  if (code !== 0 && readyName(status()) === undefined) reportExit(executable, code, status());
  return code ?? 1;
}

/**
 * Runs `executable name`, which goes into the background, and returns once its tunnel answers. It has so many
 * milliseconds to go there.
 */
export async function runInBackground(
  executable: string,
  name: string,
  env: Environment,
  milliseconds = backgroundTimeout,
): Promise<number> {
  const signals = new SignalForwarding();
  const { child, status } = await start(executable, [name], env);
  signals.to(child);
  const allRead = exitOf(child);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, milliseconds);
  // After a good end nothing is read: the program's own child may hold our pipe for good.
  const { code, signal } = await bareExitOf(child);
  clearTimeout(timer);
  signals.stop();
  if (late) return reportLate(executable, name, milliseconds);
  if (signal !== null) return reportSignal(executable, name, signal, signals.last);
  if (code !== 0) {
    await allRead;
    reportExit(executable, code, status());
    return 1;
  }
  for (const stream of child.stdio) stream?.destroy();
  if (readyName(status()) !== undefined || !hasUsualSocket(name, env)) return 0;
  return waitForAnswer(executable, name);
}

type Prepared = Pick<ReturnType<typeof stdioWithStatus>, "stdio" | "env">;

/** Starts the executable; status is the first line on a status descriptor of ours, if there is one. */
async function start(
  executable: string,
  args: readonly string[],
  env: Environment,
  finish: (prepared: Prepared) => Prepared = (prepared) => prepared,
) {
  if (descriptorOf(env, statusVariable) !== undefined) {
    const prepared = { stdio: childStdio(env, inherit), env: { ...env } };
    const child = await spawnExecutable(executable, args, finish(prepared));
    return { child, status: () => undefined };
  }
  const { statusFd, ...prepared } = stdioWithStatus(env, inherit);
  const child = await spawnExecutable(executable, args, finish(prepared));
  let first: string | undefined;
  void readLines(outputOf(child, statusFd), (line) => {
    first ??= line;
  });
  return { child, status: () => first };
}

function reportExit(executable: string, code: number | null, cause: string | undefined): void {
  const remedy = cause === undefined ? undefined : remedyFor(cause);
  if (remedy !== undefined) say(`${cause}. ${remedy}`);
  else say(cause ?? `${executable} ended with exit code ${code}. What it printed above says why.`);
}

/** The name may stand for another when the caller gives the descriptors or lets Linux count. */
function hasUsualSocket(name: string, env: Environment): boolean {
  return !env.WG_TUN_FD && !env.WG_UAPI_FD && !name.includes("%");
}

/** A program that returns before it can serve has not said yet that there is a tunnel. */
async function waitForAnswer(executable: string, name: string): Promise<number> {
  const { exchangeOverSocket, removeDeadSocket } = await import("../../uapi/socket.js");
  const { getRequest } = await import("../../uapi/request.js");
  const { withDeadline } = await import("../../deadline.js");
  try {
    await withDeadline(`Waiting for ${name}`, answerTimeout, undefined, (signal) =>
      exchangeOverSocket(name, getRequest, signal),
    );
    return 0;
  } catch (error) {
    say(`${executable} ended well, but there is no tunnel: ${messageOf(error)}`);
    await removeDeadSocket(name);
    return 1;
  }
}

async function reportLate(executable: string, name: string, milliseconds: number): Promise<number> {
  const { removeDeadSocket } = await import("../../uapi/socket.js");
  await removeDeadSocket(name);
  say(
    `${executable} did not go into the background within ${milliseconds / 1000} s, and was killed. Run it with -f to see why; "wg-bridge show" tells whether it has left a tunnel ${name}.`,
  );
  return 1;
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
  if (signal === "SIGKILL" && forwarded !== undefined) {
    say(`${executable} did not end by ${forwarded}, and was killed. The tunnel ${name} is gone.`);
    return 1;
  }
  say(
    `${executable} was killed by ${signal}: the tunnel ${name} is gone. Start it again; if nobody killed it, its log may say more with LOG_LEVEL=verbose.`,
  );
  return 1;
}
