import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { executablePath } from "../../../src/artifacts.js";
import { onlyInSandbox } from "../../../test/sandbox.js";
import { measureStartUp, startUpTime } from "../../compare/start-up.js";

describe("the start-up time", () => {
  onlyInSandbox();

  it("is the median of the probe's samples", () => {
    assert.deepEqual(startUpTime('noise\n{"samples":[3,1,2],"error":null}\n'), {
      milliseconds: 2,
      samples: [3, 1, 2],
      error: null,
    });
  });

  it("is not known when one start failed", () => {
    const { milliseconds, error } = startUpTime('{"samples":[3],"error":"It crashed."}');
    assert.equal(milliseconds, null);
    assert.equal(error, "It crashed.");
  });

  it("is not known when the sandbox failed, and says how", () => {
    assert.equal(startUpTime("unshare: not permitted\n").error, "unshare: not permitted");
    assert.equal(startUpTime('{"samples":["3"],"error":null}').milliseconds, null);
    assert.equal(startUpTime("").error, "The sandbox ended without an answer.");
  });

  describe("of a real program", () => {
    let directory: string;
    const signal = new AbortController().signal;
    const program = (command: string[]) => ({ name: "other", command, judged: false });

    before(() => {
      directory = mkdtempSync(`${tmpdir()}/start up-`);
    });

    after(() => rmSync(directory, { recursive: true }));

    it("is measured several times in both ways", async () => {
      const executable = executablePath({});
      const { background, foreground } = await measureStartUp(
        program([executable]),
        process.env,
        signal,
      );
      for (const { milliseconds, samples, error } of [background, foreground]) {
        assert.equal(error, null);
        assert.equal(samples.length, 5);
        assert.ok(milliseconds !== null && milliseconds > 0);
      }
    });

    it("is not known of a program that crashes", async () => {
      const crashing = `${directory}/crashing program`;
      writeFileSync(crashing, "#!/bin/sh\nexit 3\n");
      chmodSync(crashing, 0o755);
      const { background, foreground } = await measureStartUp(
        program([crashing]),
        process.env,
        signal,
      );
      assert.equal(background.error, "The program ended, exit status 3.");
      assert.equal(foreground.error, "The program ended, exit status 3.");
    });
  });
});
