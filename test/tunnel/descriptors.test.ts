import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { processesWith } from "../processes.js";
import { assertNothingLeft, endLeftTunnels, onlyInSandbox } from "../sandbox.js";

const run = promisify(execFile);
const crowded = fileURLToPath(new URL("crowded.js", import.meta.url));

/** Enough for Node.js, and few to fill. */
const limit = 96;

/** What the program printed for each number of free descriptors, once it has ended well. */
async function steps(...words: readonly string[]): Promise<string[]> {
  const script = `ulimit -n ${limit} && exec "$0" "$@"`;
  const { stdout, stderr } = await run("bash", ["-c", script, process.execPath, crowded, ...words]);
  assert.equal(stderr, "");
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.pop(), "end");
  for (const name of ["wgk0", "wgk1"]) assertNothingLeft(name);
  assert.deepEqual(processesWith("wireguard-go -f wgk"), []);
  return lines;
}

const done = /^\d+ done( \| left: \| alive: done)?$/;
const explained =
  /^\d+ WG_BRIDGE_RESOURCES: [^|]*(EMFILE|too many open files)[^|]* \| (left:|again: done) \| alive: done$/;

function assertEachWorksOrIsExplained(lines: readonly string[], count: number): void {
  assert.equal(lines.length, count);
  for (const line of lines) {
    assert.ok(done.test(line) || explained.test(line), line);
  }
  assert.match(lines.at(-1) ?? "", done, "the last one works");
}

describe("a full descriptor table", function () {
  this.timeout(180_000);
  onlyInSandbox();
  endLeftTunnels("wgk0", "wgk1");

  for (const held of ["ffi", "exec"]) {
    for (const [call, enough] of [
      ["exec", 15],
      ["ffi", 20],
    ] as const) {
      it(`opens another tunnel by ${call} or says why not, beside one by ${held}`, async () => {
        const lines = await steps(held, call, "0", String(enough), "warm");
        assertEachWorksOrIsExplained(lines, enough + 1);
      });
    }
    // In its own process a program would wait for itself to accept.
    for (const call of [...(held === "exec" ? ["attach"] : []), "interfaces", "status", "listen"]) {
      it(`does not end a tunnel by ${held}, with ${call}`, async () => {
        assertEachWorksOrIsExplained(await steps(held, call, "0", "3", "warm"), 4);
      });
    }
    it(`lets a tunnel by ${held} be closed`, async () => {
      assert.deepEqual(await steps(held, "close", "0", "3"), [
        "0 done",
        "1 done",
        "2 done",
        "3 done",
      ]);
    });
  }

  it("lets others ask for the tunnel once there are descriptors again", async () => {
    const lines = await steps("ffi", "show", "0", "2");
    assert.deepEqual(
      lines.filter((line) => !done.test(line)),
      [],
    );
  });

  for (const call of ["exec", "ffi"]) {
    for (const free of ["0", "7", "15"]) {
      it(`does not spoil a later opening by ${call}, with ${free} free at the first`, async () => {
        const [line = ""] = await steps("none", call, free, free);
        assert.match(line, explained);
        assert.match(line, /again: done/);
      });
    }
    it(`opens a tunnel by ${call} at first where there are enough`, async () => {
      assert.match((await steps("none", call, "40", "40"))[0] ?? "", /^40 done/);
    });
  }
});
