import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { packageRoot } from "../../../src/artifacts.js";
import { onlyInSandbox } from "../../../test/sandbox.js";
import { compare } from "../../compare/compare.js";

const fixtures = `${packageRoot}/bench/test/compare/fixtures`;

describe("compare", () => {
  onlyInSandbox();

  let directory: string;
  let shown: string;

  /** A harness that replays recorded outputs: a passing one, but for the program "/crashing". */
  function harness(): string {
    const path = `${directory}/harness`;
    const script = `#!/bin/sh
[ "$1" = /crashing ] || exec cat ${fixtures}/passing.txt
cat ${fixtures}/start-up-failing.txt
exit 1
`;
    writeFileSync(path, script);
    chmodSync(path, 0o755);
    return path;
  }

  function comparePrograms(repeats: number) {
    return compare({
      programs: [
        { name: "other", command: ["/crashing"], judged: false },
        { name: "exec", command: ["/bin/false"], judged: true },
        { name: "ffi", command: ["/bin/false"], judged: true },
      ],
      repeats,
      scriptHash: "0".repeat(64),
      harness: harness(),
      bounds: { stall: 60_000, total: 60_000 },
      env: process.env,
      progress: {
        write: (text) => {
          shown += text;
        },
      },
      signal: new AbortController().signal,
    });
  }

  beforeEach(() => {
    directory = mkdtempSync(`${tmpdir()}/compare-`);
    shown = "";
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  it("shows a third program's crash and does not judge it", async () => {
    const { passed, programs, tcpRatio } = await comparePrograms(1);
    assert.equal(passed, true);
    assert.deepEqual(
      programs.map(({ name, runsPassed, stepsPassed }) => [name, runsPassed, stepsPassed]),
      [
        ["other", 0, 13],
        ["exec", 1, 251],
        ["ffi", 1, 251],
      ],
    );
    assert.equal(tcpRatio.ffiToExec, 1);
    assert.equal(tcpRatio.legs, 8);
  });

  it("takes turns when it repeats", async () => {
    const { programs } = await comparePrograms(2);
    assert.deepEqual(
      programs.map(({ runs }) => runs.length),
      [2, 2, 2],
    );
    const finished = shown
      .split("\n")
      .flatMap((line) => /^(\w+ \d of 2) +[✓✗]/.exec(line)?.[1] ?? []);
    assert.deepEqual(finished, [
      "other 1 of 2",
      "exec 1 of 2",
      "ffi 1 of 2",
      "other 2 of 2",
      "exec 2 of 2",
      "ffi 2 of 2",
    ]);
  });
});
