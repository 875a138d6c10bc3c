import { existsSync } from "node:fs";
import { type Environment, packageRoot } from "../../artifacts.js";
import { findEngineFile } from "../../engine/files.js";
import { wasBlocking } from "../../standard-error.js";
import { runTool } from "../../tool.js";
import type { ForegroundEnd } from "../backend.js";
import { SignalForwarding } from "../foreground-signals.js";
import { notifyingFor } from "../service-manager.js";
import { Child } from "./child.js";
import { childDescriptors, writeStatus } from "./descriptors.js";
import { failureError, lateError, lostError } from "./foreground-end.js";
import { reasonToStay, replacedEnvironment } from "./replacement.js";

/** How long an executable may take to print its version, in milliseconds. */
const trialTimeout = 5_000;

/**
 * Runs `executable -f name` until it ends: in place of this process if nothing needs that, and otherwise in a child. A
 * child's standard error comes through this process, which looks for a crash.
 */
export async function runInForeground(
  executable: string,
  name: string,
  env: Environment,
): Promise<ForegroundEnd> {
  await replaceProcess(executable, name, env);
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
  const ended = { executable, name };
  if (end.signal === "SIGKILL" && signals.last !== undefined) {
    return { exitCode, error: lateError(ended, signals.last) };
  }
  const hasCrashed = end.signal !== null || end.crash !== undefined;
  const error = hasCrashed ? lostError(ended, end) : failureError(ended, child.lastStatus, env);
  return { exitCode, error };
}

/** Replaces this process by the executable, and returns only if this process must stay, or the executable fails. */
async function replaceProcess(executable: string, name: string, env: Environment): Promise<void> {
  const execve: unknown = Reflect.get(process, "execve"); // not known to the types of Node.js 20
  const report = `${packageRoot}/dist/src/cli/report.js`;
  const reporter = [process.execPath, report, executable, name];
  const reason = reasonToStay({
    replaceable: typeof execve === "function",
    versions: process.versions,
    nodeOptions: process.execArgv,
    connected: process.connected === true,
    origin: findEngineFile("executable", env).origin,
    env,
    reporter: existsSync(report) ? reporter : undefined,
    unwritten: process.stderr.writableLength,
  });
  if (reason !== undefined || typeof execve !== "function" || !(await works(executable))) return;
  try {
    const args = [executable, "-f", name];
    Reflect.apply(execve, process, [
      executable,
      args,
      replacedEnvironment(env, reporter, wasBlocking),
    ]);
  } catch {
    // Node.js may not replace itself, as its permission model decides. A child then says what is wrong, if anything is.
  }
}

/** Reports whether the machine can run the executable: after a replacement nobody could say that it cannot. */
async function works(executable: string): Promise<boolean> {
  try {
    const { code } = await runTool(
      executable,
      ["--version"],
      "",
      AbortSignal.timeout(trialTimeout),
    );
    return code === 0;
  } catch {
    return false;
  }
}
