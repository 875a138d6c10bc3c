import type { Environment } from "../artifacts.js";

/** Tells our executable for which process, which waits for it, it notifies the service manager. */
export const notifyPid = "WG_PROCESS_NOTIFY_PID";

/**
 * Returns an environment without the variables of sd_notify(3) and sd_watchdog_enabled(3). They are for the process
 * that the service manager started: what a tunnel in a child does is not that process's state.
 */
export function withoutManager(env: Environment): Environment {
  const {
    NOTIFY_SOCKET: _socket,
    WATCHDOG_USEC: _usec,
    WATCHDOG_PID: _pid,
    [notifyPid]: _for,
    ...rest
  } = env;
  return rest;
}

/**
 * Returns the environment of a child that notifies the service manager in place of this process, which Node.js gives no
 * datagram socket. The watchdog is the child's as well, if it was this process's.
 */
export function notifyingFor(env: Environment): Environment {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = env;
  const pid = String(process.pid);
  return {
    ...withoutManager(env),
    ...(NOTIFY_SOCKET && { NOTIFY_SOCKET, [notifyPid]: pid }),
    ...(NOTIFY_SOCKET && (!WATCHDOG_PID || WATCHDOG_PID === pid) && { WATCHDOG_USEC }),
  };
}
