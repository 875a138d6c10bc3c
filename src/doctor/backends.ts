import type { Environment } from "../artifacts.js";
import type { BackendKind } from "../backends/backend.js";
import { WgBridgeError, type WgBridgeErrorCode } from "../errors.js";
import { choose } from "../strategy/choose.js";
import { type Artifact, type Probe, probe } from "../strategy/probe.js";
import { attempt, findVersion } from "./tools.js";

/** The library or the executable, after an attempt to load or start it. */
export interface ArtifactFacts {
  readonly path: string;
  /** The library's ABI version, or the executable's own; undefined if it cannot be used. */
  readonly version: string | undefined;
  readonly problem: { readonly code: WgBridgeErrorCode; readonly message: string } | undefined;
}

/** Both backends' files, and which backend auto chooses. */
export interface BackendFacts {
  readonly library: ArtifactFacts;
  readonly executable: ArtifactFacts;
  /** backend is null if neither can be used. */
  readonly auto: { readonly backend: BackendKind | null; readonly reason: string };
}

/** Loads the library into this process, and asks the executable for its version. */
export async function collectBackends(env: Environment): Promise<BackendFacts> {
  const found = await probe(env);
  const [library, executable] = await Promise.all([
    tryArtifact(found.library, loadLibrary),
    tryArtifact(found.executable, (path) => startExecutable(path, env)),
  ]);
  return {
    library: describe(library),
    executable: describe(executable),
    auto: chooseAuto({ library, executable }),
  };
}

type TriedArtifact = Artifact & { readonly version?: string };

async function tryArtifact(
  artifact: Artifact,
  tryToUse: (path: string) => Promise<string>,
): Promise<TriedArtifact> {
  if (artifact.problem !== undefined) return artifact;
  try {
    return { ...artifact, version: await tryToUse(artifact.path) };
  } catch (error) {
    if (error instanceof WgBridgeError) return { ...artifact, problem: error };
    throw error;
  }
}

async function loadLibrary(path: string): Promise<string> {
  const { BridgeLibrary } = await import("../backends/ffi/library.js");
  return (await BridgeLibrary.load(path)).abiVersion;
}

async function startExecutable(path: string, env: Environment): Promise<string> {
  const started = await attempt([path, "--version"], env);
  if (started.ok) return findVersion(started.output) ?? "unknown";
  throw new WgBridgeError(
    "WG_BRIDGE_EXECUTABLE_CRASHED",
    `The executable ${path} fails when asked for its version: ${started.message}. Name another with WIREGUARD_GO_EXECUTABLE.`,
  );
}

function describe({ path, version, problem }: TriedArtifact): ArtifactFacts {
  const reported = problem && { code: problem.code, message: problem.message };
  return { path, version, problem: reported };
}

function chooseAuto(found: Probe): BackendFacts["auto"] {
  try {
    const { backend, reason } = choose("auto", found);
    return { backend, reason };
  } catch (error) {
    if (error instanceof WgBridgeError) return { backend: null, reason: error.message };
    throw error;
  }
}
