import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { processesWith } from "../processes.js";
import { judgeTests, type Row, runRow } from "./row.js";

const never = new AbortController().signal;

/** Runs a row of this bash script; a test overrides what else matters. */
function run(script: string, more: Partial<Row> = {}, interrupted = never) {
  const row: Row = { row: "row", what: "what", command: ["bash", "-c", script], minutes: 1 };
  return runRow({ ...row, ...more }, interrupted, () => {});
}

describe("a row of the release check", () => {
  it("passes if its command ends with 0", async () => {
    const { result } = await run("echo fine");
    assert.deepEqual(result, {
      ...result,
      row: "row",
      what: "what",
      result: "passed",
      because: "",
    });
  });

  it("fails with the command's last line, and keeps its output", async () => {
    const { result, output } = await run("echo first; echo last >&2; exit 3");
    assert.deepEqual([result.result, result.because], ["failed", "last"]);
    assert.equal(output, "first\nlast\n");
  });

  it("fails with its status if its command says nothing", async () => {
    const { result } = await run("exit 3");
    assert.deepEqual([result.result, result.because], ["failed", "ended with status 3"]);
  });

  it("is skipped with the reason if the machine cannot run it", async () => {
    const { result } = await run("echo qemu is not installed; exit 77");
    assert.deepEqual([result.result, result.because], ["skipped", "qemu is not installed"]);
  });

  it("fails if its command is missing", async () => {
    const { result } = await run("", { command: ["/nowhere/program"] });
    assert.equal(result.result, "failed");
    assert.match(result.because, /^\/nowhere\/program could not be started: .*ENOENT/);
  });

  it("is killed with its children when it hangs", async () => {
    const mark = `row-test-${process.pid}`;
    const { result } = await run(`bash -c 'read <> <(:)' ${mark} & wait`, { minutes: 1 / 600 });
    assert.equal(result.result, "failed");
    assert.match(result.because, /^did not end within/);
    assert.deepEqual(processesWith(mark), []);
  });

  it("gives its output on while it runs", async () => {
    const chunks: string[] = [];
    const row = { row: "row", what: "what", command: ["echo", "line"], minutes: 1 };
    await runRow(row, never, (chunk) => chunks.push(chunk.toString()));
    assert.deepEqual(chunks, ["line\n"]);
  });

  it("ends the check if the check is interrupted", async () => {
    const interruption = new AbortController();
    const ended = run("read <> <(:)", {}, interruption.signal);
    interruption.abort(new Error("ended by SIGINT"));
    await assert.rejects(ended, /^Error: ended by SIGINT$/);
  });
});

describe("a row of test files", () => {
  const report = (passes: number, pending: readonly string[], failures: readonly string[] = []) =>
    JSON.stringify({
      stats: { passes },
      pending: pending.map((fullTitle) => ({ fullTitle })),
      failures: failures.map((fullTitle) => ({ fullTitle, err: {} })),
    });
  const judge = (text: string) => judgeTests(text, { status: 0, output: "output\n" });

  it("passes if all tests ran", () => {
    assert.deepEqual(judge(report(2, [])), { result: "passed", because: "" });
  });

  it("is skipped if a test skipped itself", () => {
    assert.deepEqual(judge(report(1, ["runs [skipped: no TUN]", "walks"])), {
      result: "skipped",
      because: "2 of 3 tests: runs: no TUN",
    });
  });

  it("fails if no test ran, or no report was written", () => {
    assert.deepEqual(judge(report(0, [])), { result: "failed", because: "no test ran" });
    assert.deepEqual(judge(""), { result: "failed", because: "mocha wrote no report" });
  });

  it("fails if its mocha leaves an old report", async () => {
    const directory = await mkdtemp(join(tmpdir(), "row-"));
    try {
      const path = join(directory, "report.json");
      await writeFile(path, report(1, []));
      const { result } = await run("true", { report: path });
      assert.deepEqual([result.result, result.because], ["failed", "mocha wrote no report"]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
