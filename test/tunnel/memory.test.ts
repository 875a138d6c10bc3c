import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { endLeftTunnels, onlyInSandbox } from "../sandbox.js";

const program = fileURLToPath(new URL("./forgetter.js", import.meta.url));
const times = 40;

interface Copies {
  readonly raw: number;
  readonly hex: number;
  readonly base64: number;
}

/** Counts a key in what another process can write, by proc(5). */
function copiesIn(pid: number | undefined, key: Buffer): Copies {
  const [hex, base64] = [Buffer.from(key.toString("hex")), Buffer.from(key.toString("base64"))];
  const found = { raw: 0, hex: 0, base64: 0 };
  const memory = openSync(`/proc/${pid}/mem`, "r");
  for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
    const [, start = "", end = ""] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (start === "") continue;
    const region = read(memory, Number.parseInt(start, 16), Number.parseInt(end, 16));
    found.raw += count(region, key);
    found.hex += count(region, hex);
    found.base64 += count(region, base64);
  }
  closeSync(memory);
  return found;
}

function read(memory: number, start: number, end: number): Buffer {
  const bytes = Buffer.alloc(end - start);
  try {
    let length = 0;
    while (length < bytes.length) {
      const got = readSync(memory, bytes, length, bytes.length - length, start + length);
      if (got === 0) break;
      length += got;
    }
  } catch {
    // A region that is a device's cannot be read.
  }
  return bytes;
}

function count(bytes: Buffer, key: Buffer): number {
  let found = 0;
  for (let at = bytes.indexOf(key); at !== -1; at = bytes.indexOf(key, at + 1)) found++;
  return found;
}

/** What is left of a key in a process that has used it, and done with it. */
async function leftBy(backend: "ffi" | "exec"): Promise<Copies> {
  const key = randomBytes(32);
  key[0] = (key[0] ?? 0) & 248; // as the engine has it, and says it
  key[31] = ((key[31] ?? 0) & 127) | 64;
  const child = spawn(process.execPath, ["--expose-gc", program, backend, String(times)], {
    stdio: ["ignore", "inherit", "inherit", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  const [input, output] = [child.stdio[3], child.stdio[4]];
  assert.ok(input instanceof Writable && output instanceof Readable);
  try {
    input.write(key);
    const [said] = await Promise.race([once(output, "data"), exited]);
    assert.equal(String(said), "x");
    return copiesIn(child.pid, key);
  } finally {
    input.end("x");
    await exited;
  }
}

describe("the memory of a process that has closed its tunnel and destroyed its key", () => {
  onlyInSandbox();
  endLeftTunnels("wgm1");

  it("has no copy of the key with exec", async () => {
    assert.deepEqual(await leftBy("exec"), { raw: 0, hex: 0, base64: 0 });
  });

  it("has none of each exchange with ffi: only what Go's heap keeps of the engine's few buffers", async () => {
    const { hex, base64 } = await leftBy("ffi");
    assert.equal(base64, 0);
    assert.ok(hex < times / 2, `${hex} copies in hexadecimal of ${times} exchanges`);
  });
});
