// node family.js: holds an ffi tunnel while two cluster workers and a forked process open, query and close
// tunnels of their own. Prints how many of the three exited with 0.
import { fork } from "node:child_process";
import cluster from "node:cluster";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { openTunnel } from "../../../src/index.js";

const rounds = 10;
const worker = cluster.worker;
if (worker !== undefined) {
  for (let round = 0; round < rounds; round++) {
    const tunnel = await openTunnel({ name: `wgy${worker.id}`, backend: "ffi" });
    await tunnel.status();
    await tunnel.close();
  }
  worker.disconnect();
} else {
  const tunnel = await openTunnel({ name: "wgy0", backend: "ffi" });
  const forked = fork(fileURLToPath(new URL("rounds.js", import.meta.url)), [String(rounds)]);
  const children = [cluster.fork().process, cluster.fork().process, forked];
  const ends = await Promise.all(children.map((child) => once(child, "exit")));
  await tunnel.status();
  await tunnel.close();
  console.log(ends.filter(([code]) => code === 0).length);
}
