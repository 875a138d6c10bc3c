import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openTunnel } from "../../src/index.js";
import { socketPath } from "../../src/uapi/socket.js";
import { processesWith } from "../processes.js";
import { assertNothingLeft, endLeftTunnels, ip, onlyInSandbox } from "../sandbox.js";

const run = promisify(execFile);
const main = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

/**
 * Returns the lowest limit at which wg-bridge starts. Below it, Node.js itself aborts, or prints a stack trace
 * because it cannot read the modules that main.js imports first.
 */
function lowestLimit(): number {
  const script = 'ulimit -n "$1" && shift && exec "$0" "$@"';
  for (let limit = 16; limit < 32; limit++) {
    const words = ["-c", script, process.execPath, String(limit), main, "version"];
    const { status, stderr } = spawnSync("bash", words, { encoding: "utf8" });
    if (status === 0 || stderr.startsWith("wg-bridge: ")) return limit;
  }
  throw new Error("wg-bridge does not start with 31 descriptors.");
}

/** With so many more descriptors everything works. */
const enough = 24;
/** WG_BRIDGE_EVERY_LIMIT=1 tries every limit, which takes minutes. */
const step = process.env.WG_BRIDGE_EVERY_LIMIT === "1" ? 1 : 6;

function limits(): number[] {
  const first = lowestLimit();
  return Array.from({ length: enough / step + 1 }, (_, index) => first + index * step);
}

/** Runs wg-bridge with `limit` descriptors. */
function limited(limit: number, words: readonly string[]): ChildProcess {
  const script = `ulimit -n ${limit} && exec "$0" "$@"`;
  return spawn("bash", ["-c", script, process.execPath, main, ...words], {
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Resolves with the exit code and everything that was printed. */
async function endOf(child: ChildProcess): Promise<{ code: number | null; printed: string }> {
  const [out, error] = [child.stdout, child.stderr].map((stream) => stream && text(stream));
  const [code] = await once(child, "close");
  return { code, printed: `${await out}${await error}` };
}

function assertOneSentence(limit: number, code: number | null, printed: string): void {
  assert.equal(code, 1, `with ${limit}: ${printed}`);
  assert.match(printed, /^wg-bridge: .*EMFILE.*\n$/, `with ${limit}`);
}

/** Resolves once the tunnel's socket exists, or the program has ended. */
async function untilServed(child: ChildProcess, name: string): Promise<void> {
  while (child.exitCode === null && !existsSync(socketPath(name))) await delay(10);
}

describe("wg-bridge with few descriptors", function () {
  this.timeout(step === 1 ? 300_000 : 60_000);
  onlyInSandbox();
  endLeftTunnels("wgk2");

  for (const backend of ["exec", "ffi"]) {
    it(`runs a tunnel by ${backend} in the foreground, or reports why it cannot`, async () => {
      let successes = 0;
      for (const limit of limits()) {
        const child = limited(limit, ["run", "-f", `--backend=${backend}`, "--", "wgk2"]);
        const end = endOf(child);
        await untilServed(child, "wgk2");
        if (child.exitCode === null) {
          successes++;
          await run("wg", ["set", "wgk2", "listen-port", "52998"]);
          ip("link", "set", "wgk2", "up");
          child.kill();
          const { code, printed } = await end;
          assert.deepEqual([code, printed], [0, ""], `with ${limit}`);
        } else {
          const { code, printed } = await end;
          assertOneSentence(limit, code, printed);
        }
        assertNothingLeft("wgk2");
        assert.deepEqual(processesWith("wireguard-go -f wgk2"), []);
      }
      assert.ok(successes > 0);
    });
  }

  it("shows a tunnel, or reports why it cannot", async () => {
    await using tunnel = await openTunnel({ name: "wgk2", backend: "exec" });
    let successes = 0;
    for (const limit of limits()) {
      const { code, printed } = await endOf(limited(limit, ["show", tunnel.name]));
      if (code === 0) successes++;
      else assertOneSentence(limit, code, printed);
    }
    assert.ok(successes > 0);
  });
});
