// The process under test for the ffi backend: node host.js INTERFACE. It prints "loaded", opens a tunnel at the first
// line of its input, closes it at the second one and exits at the third. Each line of its output is a word, and
// perhaps a text.
import { createInterface } from "node:readline";
import { messageOf } from "../../src/errors.js";
import { openTunnel } from "../../src/index.js";

const [name = ""] = process.argv.slice(2);
// An iterator buffers lines that arrive early.
const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

function say(word: string, text = ""): void {
  process.stdout.write(`${word} ${text.replaceAll("\n", "; ")}\n`);
}

// Node.js opens standard error when the first socket ends. If that fails, no socket ever ends. That is not under
// test, so open it now.
process.stderr.write("");
say("loaded");
await input.next();
try {
  const tunnel = await openTunnel({ name, backend: "ffi" });
  tunnel.on("log", (line) => say("log", line));
  const closing = input.next();
  void tunnel.closed.then(({ reason, message }) => say("closed", `${reason}: ${message}`));
  say("opened");
  await closing;
  await tunnel.close();
  say("ended");
} catch (error) {
  say("failed", messageOf(error));
}
// The test first inspects which descriptors this process still has open.
await input.next();
process.exit();
