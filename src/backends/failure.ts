import { constants } from "node:os";
import { shortageRemedy } from "../descriptors.js";
import { WgBridgeError, type WgBridgeErrorCode } from "../errors.js";
import type { Failure } from "./status.js";

const { errno } = constants;

/** What to do about a failed start, by its code. This is the only place that says so, for both backends. */
const remedies: Readonly<Partial<Record<WgBridgeErrorCode, (name: string) => string>>> = {
  WG_BRIDGE_INTERFACE_NAME: () => 'Give a name of 1 to 15 bytes, such as "wg0".',
  WG_BRIDGE_INTERFACE_EXISTS: (name) =>
    `Choose another name, or delete the interface with "ip link del ${name}".`,
  WG_BRIDGE_SOCKET_DIRECTORY: () =>
    "Mount an emptyDir or a tmpfs at /var/run/wireguard, where a tunnel makes its socket.",
  WG_BRIDGE_SOCKET_IN_USE: () => "Stop that program, or choose another name.",
  WG_BRIDGE_NO_TUN: () =>
    'Run "modprobe tun", or start the container with "--device /dev/net/tun".',
  WG_BRIDGE_PERMISSION: () =>
    'Run as root, or give the program CAP_NET_ADMIN (in a container "--cap-add NET_ADMIN") and write access to /dev/net/tun and /var/run/wireguard.',
  WG_BRIDGE_UNTRUSTED: () =>
    "Let only root own and write it, and stop the programs whose sockets are there.",
  WG_BRIDGE_VALUE: () => "Give another value, or leave it out.",
  WG_BRIDGE_FEATURE_UNKNOWN: () => "Correct WG_BRIDGE_DISABLE.",
  WG_BRIDGE_RESOURCES: () => "Close what is not needed, or raise the limits.",
  WG_BRIDGE_EXECUTABLE_CRASHED: () =>
    "Run it by hand in the foreground to see more, or choose another with WIREGUARD_GO_EXECUTABLE (for userspace tunnels, WIREGUARD_GO_USERSPACE_EXECUTABLE).",
};

/** More exact remedies, if the errno says more than the code. */
function remedyByErrno(number: number | undefined): string | undefined {
  switch (number) {
    case errno.EEXIST:
      return "Remove it, or choose another name.";
    default:
      return shortageRemedy(number);
  }
}

/** The error for a tunnel that could not start. */
export function startError(name: string, failure: Failure): WgBridgeError {
  const code = isCode(failure.code) ? failure.code : "WG_BRIDGE_ENGINE";
  if (failure.errno === undefined) return new WgBridgeError(code, failure.fact);
  const remedy =
    (code === "WG_BRIDGE_SOCKET_DIRECTORY" ? undefined : remedyByErrno(failure.errno)) ??
    remedies[code]?.(name) ??
    'Start it with log level "verbose" to see more.';
  return new WgBridgeError(
    code,
    `The tunnel ${name} cannot be started: ${failure.fact}. ${remedy}`,
  );
}

/** The sender is of this release, as the library's ABI version ensures, so the prefix is enough. */
function isCode(text: string): text is WgBridgeErrorCode {
  return text.startsWith("WG_BRIDGE_");
}
