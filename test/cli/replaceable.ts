import assert from "node:assert/strict";
import { executablePath } from "../../src/engine/files.js";
import type { Program, Running } from "../parity/programs.js";
import { assertNothingLeft } from "../sandbox.js";
import { childrenOf, wordsOf } from "./process-facts.js";
import { bridge } from "./programs.js";

export const executable = executablePath({});
export const args = [bridge, "-f", "wg1"];

/** Node.js options with which it is replaced, and with which it stays. The option changes nothing else. */
export const [replaced, kept] = [[], ["--no-deprecation"]];
export const ways: readonly (readonly string[])[] = [replaced, kept];

/** Returns a program that runs wg-bridge on exec, if its arguments are the rest of the command line. */
export function programOf(command: string): Program {
  return { title: command, command, env: { WG_BRIDGE_BACKEND: "exec" }, ours: true };
}

export function pidOf({ process: { pid } }: Running): number {
  assert.ok(pid !== undefined);
  return pid;
}

/** The process of the engine: the one that was started, or its child. */
export function engineOf(running: Running): number {
  const pid = pidOf(running);
  return childrenOf(pid)[0] ?? pid;
}

/** Asserts that the engine is the very process that was started as Node.js, and that there is no other one. */
export function assertReplaced(running: Running): void {
  assert.deepEqual(wordsOf(pidOf(running)), [executable, "-f", "wg1"]);
  assert.deepEqual(childrenOf(pidOf(running)), []);
}

export function assertKept(running: Running): void {
  assert.equal(childrenOf(pidOf(running)).length, 1);
}

export async function endWell(running: Running): Promise<void> {
  running.process.kill("SIGTERM");
  assert.deepEqual(await running.ended, { code: 0, stdout: "", stderr: "" });
  assertNothingLeft("wg1");
}
