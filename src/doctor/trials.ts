import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Environment } from "../artifacts.js";
import type { BackendKind } from "../backends/backend.js";
import { messageOf, type WgBridgeErrorCode } from "../errors.js";

/** What is tried: a tunnel with an interface on a backend, or a userspace tunnel on exec. */
export type TrialKind = BackendKind | "userspace";

/** Why something cannot be used. */
export interface Problem {
  readonly code: WgBridgeErrorCode;
  readonly message: string;
}

/** What trial.ts prints, as JSON, after each step. */
export type TrialLine =
  | { readonly step: "loaded"; readonly version: string }
  /** The engine says by which instructions it encrypts: foreign ones do not. */
  | { readonly step: "opened"; readonly cipher: string }
  | { readonly step: "closed" }
  | { readonly step: "failed"; readonly problem: Problem };

/** What came of opening a tunnel. */
export interface Trial {
  /** The ABI version of the library, if it could be loaded. Always undefined for exec. */
  readonly version: string | undefined;
  /** By which instructions the engine encrypts, if it said so. */
  readonly cipher?: string | undefined;
  /** Undefined: a tunnel was opened, and closed again. */
  readonly problem: Problem | undefined;
}

/** How long opening a tunnel and closing it may take, in milliseconds: the executable itself gives up earlier. */
const limit = 60_000;

/** Opens a tunnel of its own name in a child process, and closes it. Nothing is left of it. */
export async function tryTunnel(kind: TrialKind, path: string, env: Environment): Promise<Trial> {
  const name = `wgdoctor${randomBytes(3).toString("hex")}`;
  const program = fileURLToPath(new URL("trial.js", import.meta.url));
  try {
    const child = spawn(process.execPath, [...process.execArgv, program, kind, path, name], {
      env: { ...env, WG_TUN_FD: "", WG_UAPI_FD: "" },
      stdio: ["pipe", "pipe", "pipe"], // it ends with its standard input
      timeout: limit,
      killSignal: "SIGKILL",
    });
    const ended = new Promise<string>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) =>
        resolve(signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`),
      );
    });
    const [end, output, errors] = await Promise.all([
      ended,
      text(child.stdout),
      text(child.stderr),
    ]);
    return readTrial(output, errors, end);
  } catch (error) {
    return { version: undefined, problem: noProcess(messageOf(error)) };
  }
}

/** Reads what a trial printed before it ended. Pure. */
export function readTrial(output: string, errors: string, end: string): Trial {
  const lines = output.split("\n").filter((line) => line !== "");
  const steps = lines.map((line): TrialLine => JSON.parse(line));
  const loaded = steps.find((line) => line.step === "loaded");
  const last = steps.at(-1);
  const version = loaded?.version;
  const cipher = steps.find((line) => line.step === "opened")?.cipher;
  if (last?.step === "closed") return { version, cipher, problem: undefined };
  if (last?.step === "failed") return { version, problem: last.problem };
  const said = errors.split("\n").find((line) => line.trim() !== "");
  const fact = said === undefined ? end : `${end}, and said "${said.trim()}"`;
  return { version, problem: noProcess(`its process ${fact}`) };
}

function noProcess(why: string): Problem {
  return { code: "WG_BRIDGE_ENGINE", message: `A tunnel could not be tried: ${why}.` };
}
