import { recogniseAcrossCopies } from "./recognition.js";
import { printableLines } from "./text/printable.js";

/** Every code a {@link WgBridgeError} can carry. Codes are stable; messages may change. */
export type WgBridgeErrorCode =
  | "WG_BRIDGE_PLATFORM"
  | "WG_BRIDGE_NODE_VERSION"
  | "WG_BRIDGE_ENGINE_MISSING"
  | "WG_BRIDGE_ENGINE_VERSION"
  | "WG_BRIDGE_LIBRARY_MISSING"
  | "WG_BRIDGE_LIBRARY_EMPTY"
  | "WG_BRIDGE_LIBRARY_TRUNCATED"
  | "WG_BRIDGE_LIBRARY_NOT_ELF"
  | "WG_BRIDGE_LIBRARY_ARCHITECTURE"
  | "WG_BRIDGE_LIBRARY_ABI"
  | "WG_BRIDGE_LIBRARY_LOAD"
  | "WG_BRIDGE_LIBRARY_MUSL"
  | "WG_BRIDGE_LIBRARY_KOFFI"
  | "WG_BRIDGE_EXECUTABLE_MISSING"
  | "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE"
  | "WG_BRIDGE_EXECUTABLE_ARCHITECTURE"
  | "WG_BRIDGE_EXECUTABLE_CRASHED"
  | "WG_BRIDGE_INTERFACE_NAME"
  | "WG_BRIDGE_INTERFACE_EXISTS"
  | "WG_BRIDGE_SOCKET_DIRECTORY"
  | "WG_BRIDGE_SOCKET_IN_USE"
  | "WG_BRIDGE_NO_TUN"
  | "WG_BRIDGE_PERMISSION"
  | "WG_BRIDGE_UNTRUSTED"
  | "WG_BRIDGE_BACKEND_UNKNOWN"
  | "WG_BRIDGE_FEATURE_UNKNOWN"
  | "WG_BRIDGE_CLOSED"
  | "WG_BRIDGE_LOST"
  | "WG_BRIDGE_TIMEOUT"
  | "WG_BRIDGE_ENGINE"
  | "WG_BRIDGE_KEY"
  | "WG_BRIDGE_ENDPOINT"
  | "WG_BRIDGE_ALLOWED_IP"
  | "WG_BRIDGE_VALUE"
  | "WG_BRIDGE_CONFIG"
  | "WG_BRIDGE_UAPI"
  | "WG_BRIDGE_REFUSED"
  | "WG_BRIDGE_PORT_IN_USE"
  | "WG_BRIDGE_CONFLICT"
  | "WG_BRIDGE_RESOLVE"
  | "WG_BRIDGE_NETWORK"
  | "WG_BRIDGE_UNSUPPORTED"
  | "WG_BRIDGE_RESOURCES"
  | "WG_BRIDGE_TOOL_MISSING";

/**
 * The one error class of wg-bridge. Its message is a sentence for people: what happened, why, and what
 * to do about it. It contains no character that a terminal would obey, whatever name or path it repeats.
 * Its code is for programs. instanceof also recognises the errors of another copy of this package in the
 * same process.
 */
export class WgBridgeError extends Error {
  static {
    recogniseAcrossCopies(WgBridgeError, "WgBridgeError");
    nameErrors(WgBridgeError, "WgBridgeError");
  }

  readonly code: WgBridgeErrorCode;

  constructor(code: WgBridgeErrorCode, message: string, options?: ErrorOptions) {
    super(printableLines(message), options);
    this.code = code;
  }
}

/** Names a class of errors as the language names its own: on the prototype, and not enumerable. */
export function nameErrors({ prototype }: { readonly prototype: Error }, name: string): void {
  Object.defineProperty(prototype, "name", { value: name, writable: true, configurable: true });
}

/** Reports whether a thrown value is a WgBridgeError with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly WgBridgeErrorCode[]): boolean {
  return error instanceof WgBridgeError && codes.includes(error.code);
}

// The functions below do not ask instanceof Error: in a vm context, as jest and vitest use, Node.js throws
// errors of the main context.

/**
 * Returns the message of whatever was thrown. If Node.js's permission model denied access, it is the
 * remedy instead.
 */
export function messageOf(error: unknown): string {
  if (systemCodeOf(error) === "ERR_ACCESS_DENIED") {
    const flag = permissionFlags[String(propertyOf(error, "permission"))];
    return `Node.js's permission model forbids it: start node with ${flag ?? "more --allow-* flags"}`;
  }
  const message = propertyOf(error, "message");
  return typeof message === "string" ? message : String(error);
}

/** The flag that grants each permission. Source: Node.js's documentation, "Permissions". */
const permissionFlags: Readonly<Record<string, string>> = {
  ChildProcess: "--allow-child-process",
  FileSystemRead: "--allow-fs-read",
  FileSystemWrite: "--allow-fs-write",
  WorkerThreads: "--allow-worker",
};

/** Returns the code of a failed system call ("ENOENT"), if the thrown value has one. */
export function systemCodeOf(error: unknown): string | undefined {
  const code = propertyOf(error, "code");
  return typeof code === "string" ? code : undefined;
}

function propertyOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}
