// node owner.js BACKEND HOW: a program that owns the tunnel wgp0, says "open", and ends as it is told.
import { openTunnel } from "../../src/index.js";

const [backend, how = ""] = process.argv.slice(2);
if (backend !== "ffi" && backend !== "exec") throw new Error("ffi or exec?");
const detached = how === "detached";

await using tunnel = await openTunnel({ name: "wgp0", backend, detached });
await tunnel.update({ fwmark: 1 });
switch (how) {
  case "return":
    break;
  case "throw":
    throw new Error("thrown by the owner");
  case "exit":
    process.exit(3);
    break;
  case "detached":
    process.exit(0);
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
  default:
    process.stdout.write("open\n");

    await new Promise(() => {});
}
