import type { Environment } from "../artifacts.js";
import type { BridgeLibrary } from "../backends/ffi/library.js";
import { lazily } from "../descriptors.js";
import { WgBridgeError } from "../errors.js";
import { type BackendRequest, type Choice, choose } from "./choose.js";
import { probe } from "./probe.js";

const library = lazily(() => import("../backends/ffi/library.js"));

/** A backend that is ready for use: for ffi its library is loaded. */
export type Selection =
  | { readonly backend: "ffi"; readonly choice: Choice; readonly library: BridgeLibrary }
  | { readonly backend: "exec"; readonly choice: Choice; readonly executable: string };

/**
 * Chooses a backend and loads the library where that is ffi's. A library that turns out to be
 * broken or of another ABI makes auto fall back on exec.
 * @throws WgBridgeError as choose does, and with what loading the library throws.
 */
export async function selectBackend(request: BackendRequest, env: Environment): Promise<Selection> {
  const found = probe(env);
  const choice = choose(request, found);
  if (choice.backend === "exec") return { backend: "exec", choice, executable: choice.path };
  try {
    const { BridgeLibrary } = await library();
    return { backend: "ffi", choice, library: await BridgeLibrary.load(choice.path) };
  } catch (error) {
    if (!(error instanceof WgBridgeError)) throw error;
    // Throws the same error again unless the request was auto.
    const second = choose(request, { ...found, library: { path: choice.path, problem: error } });
    return { backend: "exec", choice: second, executable: second.path };
  }
}
