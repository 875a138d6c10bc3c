// node masks.js: opens, queries and closes ffi tunnels. Prints as JSON the threads of this process before the
// tunnels are open and during, each with the mask of signals that it blocks.
import { readdirSync, readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { openTunnel } from "../../../src/index.js";

/** Returns the masks by thread, in hexadecimal: the lowest bit is signal 1. */
function masks(): Record<string, string> {
  const task = "/proc/self/task";
  return Object.fromEntries(
    readdirSync(task).map((thread) => {
      const status = readFileSync(`${task}/${thread}/status`, "utf8");
      return [thread, /^SigBlk:\s*(\w+)$/m.exec(status)?.[1] ?? ""];
    }),
  );
}

await stat("/"); // starts libuv's thread pool, unless it has started already
const before = masks();
const tunnels = await Promise.all(
  [1, 2, 3, 4, 5, 6].map((number) => openTunnel({ name: `wgk${number}`, backend: "ffi" })),
);
await Promise.all(tunnels.map((tunnel) => tunnel.status()));
const during = masks();
await Promise.all(tunnels.map((tunnel) => tunnel.close()));
console.log(JSON.stringify({ before, during }));
