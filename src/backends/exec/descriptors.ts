import { fstatSync, writeSync } from "node:fs";
import type { Environment } from "../../artifacts.js";
import { systemCodeOf } from "../../errors.js";

/** Names the descriptor on which a program writes the lines of status.ts. */
export const statusVariable = "WG_PROCESS_STATUS_FD";

/** Names a descriptor that reaches its end of file once the parent has gone; the program then ends. */
export const lifelineVariable = "WG_PROCESS_LIFELINE_FD";

/** Has wg-bridge, started again for ffi, leave its caller's directory once it has loaded all it needs. */
export const backgroundVariable = "WG_PROCESS_BACKGROUND";

/** Variables with which a caller hands a wireguard-go program an open TUN interface and UAPI socket. */
const handedOn = ["WG_TUN_FD", "WG_UAPI_FD"];

/** No shell or service manager hands over more; a user's number must not make a child's table grow without bound. */
const maxDescriptor = 1023;

/** What a child does with one of its standard descriptors. */
export type Standard = "inherit" | "ignore" | "pipe";

/** A child's descriptors, and the environment that names them. */
export interface ChildDescriptors {
  readonly stdio: (Standard | number)[];
  readonly env: NodeJS.ProcessEnv;
  /** The child's status is read from the pipe of this number. */
  readonly statusFd: number;
}

/** The number that a variable gives to an open descriptor, if it is one that can be handed on. */
export function descriptorOf(env: Environment, variable: string): number | undefined {
  const text = env[variable] ?? "";
  const number = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  return number <= maxDescriptor ? number : undefined;
}

/** The descriptor on which this process's caller reads its status. Undefined if the caller named none that is open. */
export function callerStatusFd(env: Environment): number | undefined {
  const fd = descriptorOf(env, statusVariable);
  try {
    if (fd !== undefined) fstatSync(fd);
    return fd;
  } catch {
    return undefined;
  }
}

/** Writes a line on the caller's status descriptor. Reports whether there is one, even if nobody reads it any more. */
export function writeStatus(env: Environment, line: string): boolean {
  const fd = callerStatusFd(env);
  if (fd === undefined) return false;
  try {
    writeSync(fd, `${line}\n`);
  } catch (error) {
    if (systemCodeOf(error) !== "EPIPE") throw error;
  }
  return true;
}

/**
 * Lists a child's descriptors: the standard ones; at their own numbers, those that the environment names, because
 * Node.js hands on no others; a pipe for its status; and, if the child is to end with this process, a lifeline.
 */
export function childDescriptors(
  env: Environment,
  standard: readonly Standard[],
  lifeline: boolean,
): ChildDescriptors {
  const stdio: (Standard | number)[] = [...standard];
  for (const variable of handedOn) {
    const fd = descriptorOf(env, variable);
    if (fd === undefined || fd < standard.length) continue;
    while (stdio.length <= fd) stdio.push("ignore");
    stdio[fd] = fd;
  }
  const statusFd = stdio.push("pipe") - 1;
  const lifelineFd = lifeline ? stdio.push("pipe") - 1 : undefined;
  return {
    stdio,
    env: {
      ...env,
      [statusVariable]: String(statusFd),
      [lifelineVariable]: String(lifelineFd ?? ""),
    },
    statusFd,
  };
}
