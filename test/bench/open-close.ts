// Opens and closes one tunnel after another in this process, through the library, and prints what the
// process holds on the way: file descriptors, threads, goroutines, resident memory. Run it by
// scripts/bench-open-close, which makes the sandbox.
import { readdirSync, readFileSync } from "node:fs";
import { load } from "koffi";
import { libraryPath } from "../../src/artifacts.js";
import { BridgeLibrary } from "../../src/backends/ffi/library.js";
import { FfiBackend } from "../../src/backends/ffi.js";

const rounds = Number(process.argv[2] ?? 1000);
/** Caches and thread pools have grown to their size by then. */
const warmUp = Math.round(rounds / 10);

const path = libraryPath(process.env);
const backend = new FfiBackend(await BridgeLibrary.load(path));
const goroutines = load(path).func("int wgGoroutines()");

interface Holdings {
  readonly fds: number;
  readonly threads: number;
  readonly goroutines: number;
  readonly residentMiB: number;
}

function holdings(): Holdings {
  const status = readFileSync("/proc/self/status", "utf8");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return {
    fds: readdirSync("/proc/self/fd").length - 1, // less the one that lists them
    threads: field("Threads"),
    goroutines: goroutines(),
    residentMiB: field("VmRSS") / 1024,
  };
}

function print(round: number, held: Holdings): void {
  const { fds, threads, goroutines, residentMiB } = held;
  const cells = [round, fds, threads, goroutines, residentMiB.toFixed(1)];
  console.log(cells.map((cell) => String(cell).padStart(11)).join(""));
}

console.log("     rounds        fds    threads goroutines RSS in MiB");
let first: Holdings | undefined;
let last: Holdings | undefined;
for (let round = 1; round <= rounds; round++) {
  const tunnel = await backend.start({ name: "wg0", logLevel: "silent" });
  await tunnel.exchange("get=1\n\n");
  await tunnel.close();
  if (round % warmUp === 0) {
    last = holdings();
    first ??= last;
    print(round, last);
  }
}
if (first !== undefined && last !== undefined) {
  const grown = (key: keyof Holdings) => (last[key] - first[key]).toFixed(0);
  console.log(
    `From round ${warmUp} to ${rounds}: fds ${grown("fds")}, threads ${grown("threads")}, ` +
      `goroutines ${grown("goroutines")}, resident memory ${grown("residentMiB")} MiB more.`,
  );
}
