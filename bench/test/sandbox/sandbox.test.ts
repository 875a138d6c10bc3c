import assert from "node:assert/strict";
import { plainText, runInSandbox } from "../../sandbox/sandbox.js";

describe("a program in a sandbox", () => {
  const run = async (script: string, signal = new AbortController().signal) => {
    const lines: string[] = [];
    const onLine = (line: string) => lines.push(line);
    const exitStatus = await runInSandbox(["sh", "-c", script], {
      env: process.env,
      signal,
      onLine,
    });
    return { exitStatus, lines };
  };

  it("reports its output and errors as lines, however they are split, and its exit status", async () => {
    const { exitStatus, lines } = await run("printf on; printf 'e\\ntwo\\nth'; printf ree; exit 7");
    assert.deepEqual([exitStatus, lines], [7, ["one", "two", "three"]]);
    assert.deepEqual((await run("echo error >&2")).lines, ["error"]);
  });

  it("cannot fill the memory with an endless line", async () => {
    const { lines } = await run("head -c 1000000 /dev/zero | tr '\\0' x");
    assert.ok((lines[0]?.length ?? 0) < 100_000);
  });

  it("is killed on abort", async () => {
    const controller = new AbortController();
    const onLine = () => controller.abort();
    const { signal } = controller;
    const command = ["sh", "-c", "echo begun; exec sleep 1000"];
    assert.equal(await runInSandbox(command, { env: process.env, signal, onLine }), null);
  });

  it("has only the environment that it is given", async () => {
    const lines: string[] = [];
    const { signal } = new AbortController();
    const onLine = (line: string) => lines.push(line);
    await runInSandbox(["/usr/bin/env"], { env: { ONE: "1" }, signal, onLine });
    assert.deepEqual(lines, ["ONE=1"]);
  });
});

describe("plainText", () => {
  it("removes everything that could control a terminal", () => {
    assert.equal(
      plainText("\u001b[31mred\u001b[0m\u0007 \u001b]0;title\u0007bell\b\r"),
      "red bell",
    );
  });
});
