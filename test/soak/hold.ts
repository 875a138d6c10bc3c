// node hold.js NAME: runs the interface NAME in this process until the end of standard input. Prints "ready" to
// descriptor 3 first, and then, after each line of input, the number of the Go library's goroutines.
import { once } from "node:events";
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { load } from "koffi";
import { libraryPath } from "../../src/engine/files.js";
import { openTunnel } from "../../src/index.js";

const answers = 3;

const tunnel = await openTunnel({ name: process.argv[2] ?? "", backend: "ffi" });
const countGoroutines = load(libraryPath(process.env)).func("int wgGoroutines()");
const questions = createInterface({ input: process.stdin });
questions.on("line", () => writeSync(answers, `${countGoroutines()}\n`));
const end = once(questions, "close");
writeSync(answers, "ready\n");
await end;
await tunnel.close();
