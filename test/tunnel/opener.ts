// node opener.js BACKEND HOW: a program that begins to open the tunnel wgp0, and ends by HOW ("exit", or a
// signal's name) once the interface is there, and the opening is not done.
import { openTunnel } from "../../src/index.js";
import { interfaceExists } from "../sandbox.js";

const [backend, how = ""] = process.argv.slice(2);
if (backend !== "ffi" && backend !== "exec") throw new Error("ffi or exec?");

function end(): void {
  if (how === "exit") process.exit(3);
  process.kill(process.pid, how);
}

function endOnceItIsThere(): void {
  if (interfaceExists("wgp0")) end();
  else setImmediate(endOnceItIsThere);
}

endOnceItIsThere();
await openTunnel({ name: "wgp0", backend, addresses: ["10.5.0.1/24"], config: { peers: [] } });
process.stdout.write("opened\n");
await new Promise(() => {});
