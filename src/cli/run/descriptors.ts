import type { Environment } from "../../artifacts.js";

/** Names a descriptor that is told "ready", or why there is no tunnel. */
export const statusVariable = "WG_PROCESS_STATUS_FD";

/** Names a descriptor at whose end of file a program ends, because this process has gone. */
export const lifelineVariable = "WG_PROCESS_LIFELINE_FD";

/** Variables with which a caller hands a wireguard-go program open file descriptors. */
const variables = ["WG_TUN_FD", "WG_UAPI_FD", statusVariable];

/** No shell or service manager hands over more; a child's table must not grow at a user's word. */
const maxDescriptor = 1023;

type Stdio = ("inherit" | "ignore" | "pipe" | number)[];

/** The number that a variable gives to an open descriptor, if it is one that can be handed on. */
export function descriptorOf(env: Environment, variable: string): number | undefined {
  const text = env[variable] ?? "";
  const number = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  return number <= maxDescriptor ? number : undefined;
}

/**
 * A child's stdio: the three given, then, at their own numbers, the descriptors that the
 * environment names. Node.js hands a child no others.
 */
export function childStdio(env: Environment, standard: readonly ("inherit" | "ignore")[]): Stdio {
  const stdio: Stdio = [...standard];
  for (const variable of variables) {
    const fd = descriptorOf(env, variable);
    if (fd === undefined || fd < standard.length) continue;
    while (stdio.length <= fd) stdio.push("ignore");
    stdio[fd] = fd;
  }
  return stdio;
}

/** The same with a pipe of ours to read the child's status from, and the environment that names it. */
export function stdioWithStatus(
  env: Environment,
  standard: readonly ("inherit" | "ignore")[],
): { readonly stdio: Stdio; readonly env: NodeJS.ProcessEnv; readonly statusFd: number } {
  const { [statusVariable]: _callers, ...rest } = env;
  const stdio = childStdio(rest, standard);
  const statusFd = stdio.length;
  return {
    stdio: [...stdio, "pipe"],
    env: { ...rest, [statusVariable]: String(statusFd) },
    statusFd,
  };
}

/** The same with a pipe whose other end is ours: where the child sees its end, this process has gone. */
export function withLifeline(prepared: { readonly stdio: Stdio; readonly env: Environment }): {
  readonly stdio: Stdio;
  readonly env: NodeJS.ProcessEnv;
} {
  const { stdio, env } = prepared;
  return {
    stdio: [...stdio, "pipe"],
    env: { ...env, [lifelineVariable]: String(stdio.length) },
  };
}
