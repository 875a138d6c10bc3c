import assert from "node:assert/strict";
import { readTrial } from "../../src/doctor/trials.js";

const loaded = '{"step":"loaded","version":"1.4.0"}\n';

describe("what a trial printed", () => {
  it("says that a tunnel was opened and closed", () => {
    const trial = readTrial(
      `${loaded}{"step":"opened","cipher":"AVX2"}\n{"step":"closed"}\n`,
      "",
      "ended with exit code 0",
    );
    assert.deepEqual(trial, { version: "1.4.0", cipher: "AVX2", problem: undefined });
  });

  it("says why there was no tunnel, and whether the library could be loaded", () => {
    const problem = { code: "WG_BRIDGE_PERMISSION", message: "No." };
    const failed = `${JSON.stringify({ step: "failed", problem })}\n`;
    assert.deepEqual(readTrial(failed, "", ""), { version: undefined, problem });
    assert.deepEqual(readTrial(loaded + failed, "", ""), { version: "1.4.0", problem });
  });

  it("shows a crash by how the process ended, and its first words", () => {
    const trial = readTrial(
      loaded,
      "SIGSEGV: segmentation violation\nmore\n",
      "was killed by SIGABRT",
    );
    assert.equal(trial.version, "1.4.0");
    assert.match(
      trial.problem?.message ?? "",
      /could not be tried: its process was killed by SIGABRT, and said "SIGSEGV: segmentation violation"\.$/,
    );
    assert.match(readTrial("", "", "was killed by SIGILL").problem?.message ?? "", /SIGILL\.$/);
  });
});
