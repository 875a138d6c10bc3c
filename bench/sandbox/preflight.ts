import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { dirname } from "node:path";
import { type Environment, sandboxScript } from "../../src/artifacts.js";
import { findProgram } from "../../src/doctor/tools.js";
import { messageOf, WgBridgeError } from "../../src/errors.js";
import { runInSandbox } from "./sandbox.js";

/**
 * Checks that this machine can run something in a sandbox, before minutes go into it.
 * @param what it is, for the errors: "netns.sh"
 * @param tools the programs that it and the sandbox call
 * @throws WgBridgeError WG_BRIDGE_SANDBOX: tools or namespaces are missing; WG_BRIDGE_NO_TUN
 */
export async function checkMachine(
  what: string,
  tools: readonly string[],
  env: Environment,
  signal: AbortSignal,
): Promise<void> {
  const missing = tools.filter((tool) => findProgram(tool, env) === undefined);
  if (missing.length > 0) {
    throw new WgBridgeError(
      "WG_BRIDGE_SANDBOX",
      `${what} needs ${missing.join(", ")}, not installed here: run scripts/setup-packages.`,
    );
  }
  const sandbox = await runInSandbox([sandboxScript, "true"], env, signal);
  if (sandbox.exitStatus !== 0) {
    throw new WgBridgeError(
      "WG_BRIDGE_SANDBOX",
      `This machine does not let you make the namespaces that ${what} runs in: ${lastLine(sandbox.output)}`,
    );
  }
  const makeTun = [sandboxScript, "ip", "tuntap", "add", "dev", "wg0", "mode", "tun"];
  const tun = await runInSandbox(makeTun, env, signal);
  if (tun.exitStatus !== 0) {
    throw new WgBridgeError(
      "WG_BRIDGE_NO_TUN",
      `This machine does not let you make a TUN interface: ${lastLine(tun.output)}`,
    );
  }
}

/** Checks that a page can be written, before minutes go into what it shows. */
export async function checkPage(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK);
  } catch (cause) {
    throw new Error(`--html ${path} cannot be written (${messageOf(cause)}).`, { cause });
  }
}

function lastLine(output: string): string {
  return output.trim().split("\n").at(-1) ?? "";
}
