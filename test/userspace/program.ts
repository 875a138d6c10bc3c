// node program.js BACKEND HOW: opens two userspace tunnels, gets a page of the one through the other, prints it, and
// ends in the way HOW.
import http from "node:http";
import { openPair } from "./engines.js";

const [backend, how] = process.argv.slice(2);
if (backend !== "ffi" && backend !== "exec") throw new Error("ffi or exec?");
const pair = await openPair({ near: { backend }, far: { backend } });
const port = await pair.attach(http.createServer((_, response) => response.end("through")));
const response = await pair.tunnel.fetch(`http://${pair.farAddress}:${port}/`);
process.stdout.write(`${await response.text()}\n`);
switch (how) {
  case "close":
    await pair[Symbol.asyncDispose]();
    break;
  case "exit":
    process.exit(0);
    break;
  case "kill":
    process.kill(process.pid, "SIGKILL");
    break;
  default:
    await new Promise(() => {});
}
