// Runs inside a sandbox: node start-up-probe.js background|foreground COUNT PROGRAM [ARGUMENT...]
// Starts the program COUNT times, each time for another interface, and prints one line of JSON:
// how many milliseconds each start took from the launch until UAPI answered, or an error.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { untilAnswer } from "../../src/backends/exec/tunnel.js";
import { messageOf } from "../../src/errors.js";
import { waitUntilFree } from "../../src/uapi/socket.js";

/** How long one start or end may take, in milliseconds. */
const limit = 10_000;

const [mode, count, program = "", ...args] = process.argv.slice(2);
const samples: number[] = [];
let error: string | null = null;
try {
  for (let start = 0; start < Number(count); start++) samples.push(await measure(`wg${start}`));
} catch (cause) {
  error = messageOf(cause);
}
process.stdout.write(`${JSON.stringify({ samples, error })}\n`);
// Whatever did not end with its interface ends with the sandbox.
process.exit();

async function measure(name: string): Promise<number> {
  const options = mode === "foreground" ? ["-f", name] : [name];
  const launched = performance.now();
  const child = spawn(program, [...args, ...options], { stdio: "ignore" });
  await Promise.race([answer(name), failure(child)]);
  const milliseconds = performance.now() - launched;
  execFileSync("ip", ["link", "del", "dev", name], { timeout: limit, killSignal: "SIGKILL" });
  await waitUntilFree(name, limit);
  return milliseconds;
}

/** Resolves once UAPI answers. Asks often: the time between two questions is the error of a sample. */
async function answer(name: string): Promise<void> {
  const deadline = AbortSignal.timeout(limit);
  try {
    await untilAnswer(name, deadline, 1);
  } catch (cause) {
    if (!deadline.aborted) throw cause;
    throw new Error(`UAPI did not answer within ${limit / 1000} s.`, { cause });
  }
}

/** Rejects once the program has failed. A program that goes to the background ends with 0. */
function failure(child: ChildProcess): Promise<never> {
  return new Promise((_resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status, signal) => {
      if (status === 0 && mode !== "foreground") return;
      reject(new Error(`The program ended, ${signal ?? `exit status ${status}`}.`));
    });
  });
}
