import { systemCodeOf } from "../errors.js";

/** Codes with which the connection to the engine fails, and not the one through the tunnel. */
const codes = ["ECONNRESET", "EPIPE", "ENOENT", "ECONNREFUSED", "EAGAIN", "ENOTCONN", "ENOTSOCK"];

/** Reports whether an error is one of Node.js's own, about the connection between this program and the engine. */
export function isConnectionError(error: unknown): boolean {
  const isOwn = error instanceof Error && "syscall" in error && !("port" in error);
  return isOwn && codes.includes(systemCodeOf(error) ?? "");
}
