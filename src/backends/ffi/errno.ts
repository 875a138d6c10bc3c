import { constants } from "node:os";
import type { StartFailureCode } from "../start-failure.js";

const { errno } = constants;

/** What the errno of a failed wgOpen means. */
export function startFailureCode(value: number): StartFailureCode {
  switch (value) {
    case errno.EBUSY:
      return "WG_BRIDGE_INTERFACE_EXISTS";
    case errno.EADDRINUSE:
      return "WG_BRIDGE_SOCKET_IN_USE";
    case errno.ENODEV:
    case errno.ENOENT:
    case errno.ENXIO:
      return "WG_BRIDGE_NO_TUN";
    case errno.EPERM:
    case errno.EACCES:
      return "WG_BRIDGE_PERMISSION";
    case errno.EMFILE:
    case errno.ENFILE:
    case errno.ENOMEM:
    case errno.ENOBUFS:
    case errno.EAGAIN:
      return "WG_BRIDGE_RESOURCES";
    default:
      return "WG_BRIDGE_ENGINE";
  }
}

/** An errno's name, such as "EBADF". */
export function errnoName(value: number): string {
  const found = Object.entries(errno).find(([, number]) => number === value);
  return found?.[0] ?? `errno ${value}`;
}
