// node owner.js BACKEND HOW: a program that owns the tunnel wgp0, says "open", and ends in the way HOW.
import { openTunnel, type Tunnel } from "../../src/index.js";

const [backend, how = ""] = process.argv.slice(2);
if (backend !== "ffi" && backend !== "exec") throw new Error("ffi or exec?");
const detached = how.startsWith("detached");

let opened: Tunnel | undefined;
if (how === "earlier-once") {
  process.once("SIGTERM", () => void opened?.close().then(() => process.stdout.write("clean\n")));
}
const tunnel = await openTunnel({ name: "wgp0", backend, detached });
opened = tunnel;
await tunnel.update({ fwmark: 1 });
switch (how) {
  case "return":
    await tunnel.close();
    break;
  case "throw":
    throw new Error("thrown by the owner");
  case "exit":
    process.exit(3);
    break;
  case "detached":
    process.exit(0);
    break;
  case "detached-and-forgotten":
    tunnel.on("handshake", () => {});
    break;
  case "uncaught":
    setImmediate(() => {
      throw new Error("uncaught in the owner");
    });
    await new Promise(() => {});
    break;
  case "rejection":
    void Promise.reject(new Error("unhandled in the owner"));
    await new Promise(() => {});
    break;
  case "own-listener":
    process.on("SIGTERM", () => {
      process.stdout.write("asked\n");
      void tunnel.status().then(async (status) => {
        await tunnel.close();
        process.stdout.write(`fwmark ${status.fwmark}\n`);
        process.exit(0);
      });
    });
    process.stdout.write("open\n");
    await new Promise(() => {});
    break;
  case "earlier-once":
    process.stdout.write("open\n");
    await tunnel.closed;
    break;
  default:
    process.stdout.write("open\n");
    await new Promise(() => {});
}
