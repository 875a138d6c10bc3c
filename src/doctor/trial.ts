import type { Backend, BackendKind, StartOptions } from "../backends/backend.js";
import { parseDisabled } from "../backends/features.js";
import { messageOf, WgBridgeError } from "../errors.js";
import { readCipher } from "../uapi/about.js";
import type { TrialLine } from "./trials.js";

// The program that trials.ts starts, so that a crash of the engine does not end doctor:
//
//   node trial.js ffi LIBRARY INTERFACE
//   node trial.js exec EXECUTABLE INTERFACE
//   node trial.js userspace EXECUTABLE NAME
//
// It opens a tunnel and closes it again, and prints a TrialLine for each step.

const [kind, path = "", name = ""] = process.argv.slice(2);

let abandon = () => {};
// Doctor has ended.
process.stdin.once("end", () => {
  abandon();
  process.exit(1);
});
process.stdin.resume();

try {
  const backend = await open(kind === "ffi" ? "ffi" : "exec");
  const options: StartOptions = {
    name,
    logLevel: "silent",
    disable: parseDisabled(process.env.WG_BRIDGE_DISABLE ?? ""),
    onStarting: (started) => {
      abandon = started;
    },
  };
  const tunnel =
    kind === "userspace"
      ? await backend.openStation({ ...options, env: process.env })
      : await backend.start(options);
  abandon = () => tunnel.abandon();
  if (kind !== "userspace") {
    const cipher = await readCipher((request) => tunnel.exchange(request));
    if (cipher !== undefined) say({ step: "opened", cipher });
  }
  await tunnel.close();
  say({ step: "closed" });
} catch (error) {
  const code = error instanceof WgBridgeError ? error.code : "WG_BRIDGE_ENGINE";
  say({ step: "failed", problem: { code, message: messageOf(error) } });
}
process.stdin.destroy();

async function open(backend: BackendKind): Promise<Backend> {
  if (backend === "exec") {
    const { ExecBackend } = await import("../backends/exec.js");
    return new ExecBackend(path);
  }
  const { FfiBackend } = await import("../backends/ffi.js");
  const { BridgeLibrary } = await import("../backends/ffi/library.js");
  const library = await BridgeLibrary.load(path);
  say({ step: "loaded", version: library.abiVersion });
  return new FfiBackend(library);
}

function say(line: TrialLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
