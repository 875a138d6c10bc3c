// node event-loop-host.js ffi|exec -f INTERFACE: a Node program that holds a tunnel through the library,
// and reports over its IPC channel how late its event loop was: "reset", then "read".
import { monitorEventLoopDelay } from "node:perf_hooks";
import { openTunnel } from "../../src/index.js";

const [backend, , name = ""] = process.argv.slice(2);
const tunnel = await openTunnel({ name, backend: backend === "ffi" ? "ffi" : "exec" });
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

process.on("message", (question) => {
  if (question === "reset") delay.reset();
  process.send?.({ p99: delay.percentile(99) / 1e6 });
});
process.once("SIGTERM", async () => {
  await tunnel.close();
  process.disconnect();
});
