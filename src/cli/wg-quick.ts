import { spawn } from "node:child_process";
import { constants } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { systemCodeOf, WgBridgeError } from "../errors.js";
import { parseBackendRequest } from "../strategy/choose.js";

/** `wg-bridge up` and `wg-bridge down`: wg-quick(8) itself, with this program for its tunnels. */
export async function wgQuickCommand(
  verb: "up" | "down",
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: { backend: { type: "string" } },
    allowPositionals: true,
  });
  const [what, ...rest] = positionals;
  if (what === undefined || rest.length > 0) {
    throw new WgBridgeError(
      "WG_BRIDGE_VALUE",
      `${verb} takes one file or interface: see wg-bridge ${verb} --help.`,
    );
  }
  const { backend } = values;
  return runWgQuick([verb, what], {
    ...env,
    // wg-quick runs the one word, which begins with "env node".
    PATH: `${dirname(process.execPath)}:${env.PATH ?? ""}`,
    WG_QUICK_USERSPACE_IMPLEMENTATION: fileURLToPath(new URL("main.js", import.meta.url)),
    ...(backend === undefined ? {} : { WG_BRIDGE_BACKEND: parseBackendRequest(backend) }),
  });
}

function runWgQuick(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { command, preserved } = asRoot(env);
  return new Promise((resolve, reject) => {
    const [program = "", ...words] = [...command, ...preserved, "wg-quick", ...args];
    const child = spawn(program, words, { env, stdio: "inherit" });
    // Ctrl-C reaches wg-quick too; it undoes what it began, and then ends.
    const ignore = () => {};
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, ignore);
    child.on("error", (error) => reject(startError(program, error)));
    child.on("close", (code, signal) => {
      for (const name of ["SIGINT", "SIGTERM"] as const) process.removeListener(name, ignore);
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}

/** wg-quick would call sudo by itself, and lose what it is told by the environment. */
function asRoot(env: NodeJS.ProcessEnv) {
  if (process.geteuid?.() === 0) return { command: [], preserved: [] };
  const names = ["PATH", "WG_QUICK_USERSPACE_IMPLEMENTATION", "WG_BRIDGE_BACKEND", "LOG_LEVEL"];
  const preserved = names.flatMap((name) => (env[name] ? [`${name}=${env[name]}`] : []));
  return { command: ["sudo", "env"], preserved };
}

function startError(program: string, error: Error): Error {
  if (systemCodeOf(error) !== "ENOENT") return error;
  const cure =
    program === "sudo"
      ? "Run wg-bridge as root."
      : "Install it with your distribution's package wireguard-tools (apt-get, dnf, apk or pacman).";
  return new WgBridgeError("WG_BRIDGE_TOOL_MISSING", `${program} is not installed. ${cure}`, {
    cause: error,
  });
}
