import type { Environment } from "../artifacts.js";
import type { Backend } from "../backends/backend.js";
import { lazily } from "../descriptors.js";
import type { BackendRequest } from "./choose.js";
import { selectBackend } from "./select.js";

const ffi = lazily(() => import("../backends/ffi.js"));
const exec = lazily(() => import("../backends/exec.js"));

/** A backend that can start tunnels, and why it is this one. */
export interface OpenedBackend {
  readonly backend: Backend;
  /** One line for a person. */
  readonly reason: string;
}

/**
 * Opens a backend by name. auto prefers ffi and falls back on exec; ffi and exec never fall back.
 * @throws WgBridgeError WG_BRIDGE_LIBRARY_* or WG_BRIDGE_EXECUTABLE_*: why the backend cannot be used.
 */
export async function openBackend(
  request: BackendRequest = "auto",
  env: Environment = process.env,
): Promise<OpenedBackend> {
  const selection = await selectBackend(request, env);
  const { reason } = selection.choice;
  if (selection.backend === "ffi") {
    const { FfiBackend } = await ffi();
    return { backend: new FfiBackend(selection.library), reason };
  }
  const { ExecBackend } = await exec();
  return { backend: new ExecBackend(selection.executable), reason };
}
