// Opens tunnels one after another in this process, asks each for its status and closes it, and prints
// what the process holds on the way: file descriptors, threads, resident memory, goroutines. Run it by
// scripts/bench-open-close, which makes the sandbox.
import { readdirSync, readFileSync } from "node:fs";
import { load } from "koffi";
import { libraryPath } from "../../src/artifacts.js";
import { openTunnel } from "../../src/index.js";

const rounds = Number(process.argv[2] ?? 5000);
/** Caches and thread pools have grown to their size by then. */
const warmUp = Math.round(rounds / 10);

interface Holdings {
  readonly fds: number;
  readonly threads: number;
  readonly residentMiB: number;
  /** Of the Go library, once it is loaded. */
  readonly goroutines: number;
}

const countGoroutines: Record<"ffi" | "exec", () => number> = {
  exec: () => 0,
  ffi: () => load(libraryPath(process.env)).func("int wgGoroutines()")(),
};

function holdings(backend: "ffi" | "exec"): Holdings {
  const status = readFileSync("/proc/self/status", "utf8");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  return {
    fds: readdirSync("/proc/self/fd").length - 1, // less the one that lists them
    threads: field("Threads"),
    residentMiB: field("VmRSS") / 1024,
    goroutines: countGoroutines[backend](),
  };
}

function print(round: number, held: Holdings): void {
  const { fds, threads, goroutines, residentMiB } = held;
  const cells = [round, fds, threads, goroutines, residentMiB.toFixed(1)];
  console.log(cells.map((cell) => String(cell).padStart(11)).join(""));
}

async function bench(backend: "ffi" | "exec"): Promise<void> {
  console.log(`${backend}\n     rounds        fds    threads goroutines RSS in MiB`);
  let first: Holdings | undefined;
  let last: Holdings | undefined;
  for (let round = 1; round <= rounds; round++) {
    const tunnel = await openTunnel({ name: "wg0", backend, logLevel: "silent" });
    await tunnel.status();
    await tunnel.close();
    if (round % warmUp === 0) {
      last = holdings(backend);
      first ??= last;
      print(round, last);
    }
  }
  if (first === undefined || last === undefined) return;
  const grown = (key: keyof Holdings) => (last[key] - first[key]).toFixed(0);
  console.log(
    `From round ${warmUp} to ${rounds}: fds ${grown("fds")}, threads ${grown("threads")}, ` +
      `goroutines ${grown("goroutines")}, resident memory ${grown("residentMiB")} MiB more.\n`,
  );
}

// exec first: a loaded Go library would count in its memory.
await bench("exec");
await bench("ffi");
