import type { Environment } from "../artifacts.js";
import type { BackendKind } from "../backends/backend.js";
import { variables } from "../engine/files.js";
import { WgBridgeError } from "../errors.js";
import { choose } from "../strategy/choose.js";
import { type Artifact, type Probe, probe, probeExecutable } from "../strategy/probe.js";
import { attempt, findCipher, findVersion } from "./tools.js";
import { type Problem, type Trial, tryTunnel } from "./trials.js";

/** The library or the executable, after an attempt to load or start it. */
export interface ArtifactFacts {
  readonly path: string;
  /** The library's ABI version, or the executable's own; undefined if it cannot be used. */
  readonly version: string | undefined;
  /** By which instructions its engine encrypts; undefined if it opened no tunnel, or does not say. */
  readonly cipher?: string | undefined;
  readonly problem: Problem | undefined;
  /** What kept a tunnel from being opened, although the file itself can be used; undefined if one was opened. */
  readonly refusal: Problem | undefined;
}

/** The files of both backends, and which backend auto chooses. */
export interface BackendFacts {
  readonly library: ArtifactFacts;
  readonly executable: ArtifactFacts;
  readonly userspaceExecutable: ArtifactFacts;
  /** backend is null if neither can be used. */
  readonly auto: { readonly backend: BackendKind | null; readonly reason: string };
}

/** Opens a tunnel with each backend, in a child process, and asks each executable for its version. */
export async function collectBackends(env: Environment): Promise<BackendFacts> {
  const found = await probe(env);
  const userspace = await probeExecutable(env, { network: "userspace" });
  const [library, executable, userspaceExecutable] = await Promise.all([
    tryArtifact(found.library, (path) => tryLibrary(path, env)),
    tryArtifact(found.executable, (path) => tryExecutable("exec", path, env)),
    tryArtifact(userspace, (path) => tryExecutable("userspace", path, env)),
  ]);
  return {
    library,
    executable,
    userspaceExecutable,
    auto: chooseAuto({ library: asArtifact(library), executable: asArtifact(executable) }),
  };
}

async function tryArtifact(
  { path, problem }: Artifact,
  tryToUse: (path: string) => Promise<Trial>,
): Promise<ArtifactFacts> {
  if (problem !== undefined) {
    const { code, message } = problem;
    return { path, version: undefined, problem: { code, message }, refusal: undefined };
  }
  const { version, cipher, problem: reason } = await tryToUse(path);
  return version === undefined
    ? { path, version, problem: reason, refusal: undefined }
    : { path, version, cipher, problem: undefined, refusal: reason };
}

/** A library without a version could not be loaded. */
function tryLibrary(path: string, env: Environment): Promise<Trial> {
  return tryTunnel("ffi", path, env);
}

async function tryExecutable(
  kind: "exec" | "userspace",
  path: string,
  env: Environment,
): Promise<Trial> {
  const started = await attempt([path, "--version"], env);
  if (!started.ok) {
    const variable = variables[kind === "exec" ? "executable" : "userspaceExecutable"];
    const message = `The executable ${path} fails when asked for its version: ${started.message}. Name another with ${variable}.`;
    return { version: undefined, problem: { code: "WG_BRIDGE_EXECUTABLE_CRASHED", message } };
  }
  const { cipher, problem } = await tryTunnel(kind, path, env);
  return {
    version: findVersion(started.output) ?? "unknown",
    cipher: cipher ?? findCipher(started.output),
    problem,
  };
}

function asArtifact({ path, problem }: ArtifactFacts): Artifact {
  if (problem === undefined) return { path };
  return { path, problem: new WgBridgeError(problem.code, problem.message) };
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
