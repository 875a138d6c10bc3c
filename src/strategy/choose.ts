import type { BackendKind } from "../backends/backend.js";
import { WgBridgeError } from "../errors.js";
import { quote } from "../text/quote.js";
import type { Probe } from "./probe.js";

/** What a user can ask for. */
export type BackendRequest = "auto" | BackendKind;

/** Which backend to use, and why. */
export interface Choice {
  readonly backend: BackendKind;
  /** The library or executable to use. */
  readonly path: string;
  /** One line for a person. */
  readonly reason: string;
  /** auto would have taken ffi and could not. */
  readonly fallback: boolean;
}

/**
 * Reads a backend's name.
 * @throws WgBridgeError WG_BRIDGE_BACKEND_UNKNOWN
 */
export function parseBackendRequest(text: string): BackendRequest {
  if (text === "auto" || text === "ffi" || text === "exec") return text;
  throw new WgBridgeError(
    "WG_BRIDGE_BACKEND_UNKNOWN",
    `There is no backend ${quote(text)}. Choose auto, ffi or exec, with --backend or WG_BRIDGE_BACKEND.`,
  );
}

/**
 * Chooses the backend. auto prefers ffi and falls back on exec; ffi and exec never fall back.
 * @throws WgBridgeError The problem of the backend asked for; for auto, when neither can be used,
 *   the executable's problem, with the library's in the text.
 */
export function choose(request: BackendRequest, { library, executable }: Probe): Choice {
  if (request !== "exec" && library.problem === undefined) {
    const reason =
      request === "ffi" ? "ffi was asked for." : "auto prefers ffi, and its library can be used.";
    return { backend: "ffi", path: library.path, reason, fallback: false };
  }
  if (request === "ffi") throw library.problem;
  const fallback = request === "auto";
  if (executable.problem === undefined) {
    const reason = fallback
      ? `auto falls back on exec: ${library.problem?.message}`
      : "exec was asked for.";
    return { backend: "exec", path: executable.path, reason, fallback };
  }
  // What is missing as a whole is the same problem for both.
  if (!fallback || executable.problem.message === library.problem?.message)
    throw executable.problem;
  throw new WgBridgeError(
    executable.problem.code,
    `Neither backend can be used. ffi: ${library.problem?.message} exec: ${executable.problem.message}`,
    { cause: library.problem },
  );
}
