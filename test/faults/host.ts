// The process of the ffi backend: node host.js INTERFACE. It says "loaded", opens the tunnel at the first line of
// its input and closes it at the second one. Each line of its output is a word, and perhaps a text.
import { createInterface } from "node:readline";
import { messageOf } from "../../src/errors.js";
import { openTunnel } from "../../src/index.js";

const [name = ""] = process.argv.slice(2);
// An iterator keeps the lines that come before they are asked for.
const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

function say(word: string, text = ""): void {
  process.stdout.write(`${word} ${text.replaceAll("\n", "; ")}\n`);
}

// Node.js opens standard error when the first socket ends. If that fails, no socket ends: not under test.
process.stderr.write("");
say("loaded");
await input.next();
try {
  const tunnel = await openTunnel({ name, backend: "ffi" });
  tunnel.on("log", (line) => say("log", line));
  const asked = input.next();
  void tunnel.closed.then(({ reason, message }) => say("closed", `${reason}: ${message}`));
  say("opened");
  await asked;
  await tunnel.close();
  say("ended");
} catch (error) {
  say("failed", messageOf(error));
}
// The one who reads wants to see what this process still holds.
await input.next();
process.exit();
