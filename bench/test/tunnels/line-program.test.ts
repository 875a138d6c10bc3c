import assert from "node:assert/strict";
import { LineProgram } from "../../tunnels/line-program.js";
import { processTree } from "../../userspace/setting.js";

/** Starts a shell's script. */
function start(script: string, first?: object): Promise<LineProgram> {
  return LineProgram.start(["sh", "-c", script], first);
}

describe("a program that answers lines", () => {
  it("reads the first line, prints ready, and answers", async () => {
    const program = await start(
      `read -r first; echo ready; while read -r line; do echo "[$first, $line]"; done`,
      { a: 1 },
    );
    try {
      assert.deepEqual(await program.ask({ b: 2 }, 1), [{ a: 1 }, { b: 2 }]);
      assert.deepEqual(await program.ask({ c: 3 }, 1), [{ a: 1 }, { c: 3 }]);
    } finally {
      await program.stop();
    }
  });

  it("says how it ended", async () => {
    await assert.rejects(
      start("echo no such network >&2; exit 1"),
      /^Error: sh .*no such network$/,
    );
    await assert.rejects(start("echo hello; cat"), /^Error: sh printed "hello" first\.$/);
    const program = await start("echo ready; read -r line; echo out of memory >&2");
    await assert.rejects(program.ask({}, 1), /out of memory$/);
    await program.stop();
  });

  it("rejects if there is no such program", async () => {
    await assert.rejects(LineProgram.start(["/proc/nonexistent"]), { code: "ENOENT" });
  });

  it("has a tree of processes", async () => {
    const program = await start("sh -c 'sleep 60; true' & echo ready; wait");
    try {
      // The shell, its shell, and perhaps already what that waits for.
      const [root, child] = processTree(program.pid);
      assert.equal(root, program.pid);
      assert.ok(child !== undefined && processTree(child)[0] === child);
      assert.ok(!processTree(child).includes(program.pid));
    } finally {
      // From the root: whoever outlives a child would end by itself.
      for (const pid of processTree(program.pid)) process.kill(pid, "SIGKILL");
      await program.stop();
    }
  });
});
