import type { Environment } from "../artifacts.js";
import type { Backend } from "../backends/backend.js";
import { lazily } from "../descriptors.js";
import type { EngineRequest } from "../engine/files.js";
import { WgBridgeError } from "../errors.js";
import { type BackendRequest, type Choice, choose } from "./choose.js";
import { probe } from "./probe.js";

const ffi = lazily(() => import("../backends/ffi.js"));
const library = lazily(() => import("../backends/ffi/library.js"));
const exec = lazily(() => import("../backends/exec.js"));

/** A backend that is ready for use, and why it is this one. */
export interface OpenedBackend extends Pick<Choice, "reason" | "fallback"> {
  readonly backend: Backend;
}

/**
 * Opens a backend; for ffi it loads the library. auto prefers ffi and falls back on exec; ffi and exec never fall back.
 * @throws WgBridgeError WG_BRIDGE_ENGINE_*, WG_BRIDGE_LIBRARY_* or WG_BRIDGE_EXECUTABLE_*: why the backend cannot be used.
 */
export function openBackend(
  request: BackendRequest = "auto",
  env: Environment = process.env,
  wanted: EngineRequest = {},
): Promise<OpenedBackend> {
  const open = async ({ backend, path, reason, fallback }: Choice) => {
    return { backend: await (backend === "ffi" ? openFfi : openExec)(path), reason, fallback };
  };
  return withFallback(request, env, open, wanted);
}

/**
 * Chooses a backend and uses it. If only the use shows that the library is broken, or of another ABI, auto uses exec.
 * @throws WgBridgeError as choose does, and what `use` throws
 */
export async function withFallback<T>(
  request: BackendRequest,
  env: Environment,
  use: (choice: Choice) => Promise<T>,
  wanted: EngineRequest = {},
): Promise<T> {
  const found = await probe(env, wanted);
  const choice = choose(request, found);
  try {
    return await use(choice);
  } catch (error) {
    if (choice.backend === "exec" || !isLibraryError(error)) throw error;
    // Throws the same error again unless the request was auto.
    return use(choose(request, { ...found, library: { path: choice.path, problem: error } }));
  }
}

/** Reports whether the library failed, and not the tunnel: exec may do better then. */
function isLibraryError(error: unknown): error is WgBridgeError {
  return error instanceof WgBridgeError && error.code.startsWith("WG_BRIDGE_LIBRARY_");
}

async function openFfi(path: string): Promise<Backend> {
  const [{ FfiBackend }, { BridgeLibrary }] = [await ffi(), await library()];
  return new FfiBackend(await BridgeLibrary.load(path));
}

async function openExec(path: string): Promise<Backend> {
  const { ExecBackend } = await exec();
  return new ExecBackend(path);
}
