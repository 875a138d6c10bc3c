// node storm.js SECONDS [SIGNAL...]: carries traffic between two ffi tunnels of this process, and opens, queries
// and closes others on both backends, while a child sends it signals that it listens for: these, or all that a
// program may listen for. Prints as JSON how often each of these things happened.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { openTunnel } from "../../../src/index.js";
import { Pair } from "../../pair.js";

/** Not SIGKILL and SIGSTOP, which have no listeners, nor synchronous signals, nor SIGURG, which is Go's own. */
const notListenedTo = /^SIG(KILL|STOP|SEGV|BUS|FPE|ILL|TRAP|SYS|ABRT|IOT|URG)$/;

/** Signals that do not end a process: their listeners can come and go while they arrive. */
const harmless = ["SIGCHLD", "SIGCONT", "SIGWINCH"];

const [seconds, ...named] = process.argv.slice(2);
const all = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));
const signals =
  named.length > 0 ? named : [...all.values()].filter((name) => !notListenedTo.test(name));
const heard: Record<string, number> = {};

function hear(signal: string): void {
  heard[signal] = (heard[signal] ?? 0) + 1;
}

const done = { transfers: 0, exchanges: 0, ffi: 0, exec: 0 };
const end = Date.now() + Number(seconds) * 1000;
async function untilTheEnd(work: () => Promise<void>): Promise<void> {
  do await work();
  while (Date.now() < end);
}

for (const signal of signals) process.on(signal, hear);
const options = { backend: "ffi", logLevel: "silent" } as const;
const pair = await Pair.open({ number: 1, near: options, far: options });
const sender = fileURLToPath(new URL("sender.js", import.meta.url));
const sending = spawn(process.execPath, [sender, String(process.pid), ...signals], {
  stdio: ["ignore", "inherit", "inherit"],
});
await Promise.all([
  untilTheEnd(async () => {
    await pair.transfer(4_000_000);
    done.transfers++;
  }),
  untilTheEnd(async () => {
    await Promise.all([pair.near.status(), pair.far.status()]);
    done.exchanges++;
    for (const signal of harmless.filter((name) => signals.includes(name))) {
      process.removeListener(signal, hear);
      process.on(signal, hear); // libuv installs its handler again
    }
  }),
  ...(["ffi", "exec"] as const).map((backend) =>
    untilTheEnd(async () => {
      const name = `wgo-${backend}`;
      const tunnel = await openTunnel({ name, backend, addresses: ["10.71.1.1/24"] });
      await tunnel.status();
      await tunnel.close();
      done[backend]++;
    }),
  ),
]);
sending.kill("SIGKILL");
await once(sending, "exit");
await pair[Symbol.asyncDispose]();
console.log(JSON.stringify({ ...done, heard }));
