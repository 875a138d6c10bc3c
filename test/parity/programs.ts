import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { upstreamExecutablePath } from "../../src/artifacts.js";
import { untilAnswer } from "../../src/backends/exec/tunnel.js";
import { bridge } from "../cli/programs.js";

/** A program with wireguard-go's command line. */
export interface Program {
  readonly title: string;
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
  /** Whether it is wg-bridge, which promises more than upstream's program does. */
  readonly ours: boolean;
}

export const ours: readonly Program[] = ["ffi", "exec"].map((backend) => ({
  title: `wg-bridge with ${backend}`,
  command: bridge,
  env: { WG_BRIDGE_BACKEND: backend },
  ours: true,
}));

/** Both backends, and the program that they must behave like. */
export const programs: readonly Program[] = [
  ...ours,
  { title: "upstream's wireguard-go", command: upstreamExecutablePath, env: {}, ours: false },
];

/** Returns a program's environment. Variables that tests set are not inherited from whoever runs the tests. */
export function environment(program: Program, settings: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { LOG_LEVEL: _level, WG_PROCESS_FOREGROUND: _foreground, ...env } = process.env;
  return { ...env, ...program.env, ...settings };
}

/** How a program ended, and everything that it printed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs in the foreground. */
export class Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;

  constructor(program: Program, args: readonly string[], settings: NodeJS.ProcessEnv = {}) {
    const env = environment(program, settings);
    this.process = spawn(program.command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const output = [this.process.stdout, this.process.stderr].map((stream) => {
      const pieces: Buffer[] = [];
      stream?.on("data", (piece: Buffer) => pieces.push(piece));
      return pieces;
    });
    this.ended = new Promise((resolve, reject) => {
      this.process.on("error", reject);
      this.process.on("close", (code) => {
        const [stdout = "", stderr = ""] = output.map((pieces) => Buffer.concat(pieces).toString());
        resolve({ code, stdout, stderr });
      });
    });
  }

  /** Resolves once the tunnel answers; rejects if the program ends first. */
  async answers(name: string): Promise<this> {
    const stop = new AbortController();
    const died = this.ended.then(({ code, stdout, stderr }) => {
      throw new Error(`The program ended with ${code}: ${stdout} ${stderr}`);
    });
    await Promise.race([untilAnswer(name, stop.signal), died]).finally(() => stop.abort());
    return this;
  }
}

/** Runs a program to its end. No process may hold its output open afterwards. */
export function runToEnd(
  program: Program,
  args: readonly string[],
  settings: NodeJS.ProcessEnv = {},
): Ended {
  const env = environment(program, settings);
  const { status, stdout, stderr, error } = spawnSync(program.command, args, {
    env,
    encoding: "utf8",
    timeout: 30_000,
  });
  assert.equal(error, undefined);
  return { code: status, stdout, stderr };
}
