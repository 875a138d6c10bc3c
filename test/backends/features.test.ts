import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { parseDisabled } from "../../src/backends/features.js";
import { executablePath } from "../../src/engine/files.js";
import { messageOf, WgBridgeError } from "../../src/errors.js";
import { onlyInSandbox } from "../sandbox.js";

const all = ["tso4", "tso6", "uso", "udp-segment", "udp-gro", "in-flight-limit", "avx512", "aqm"];

/** Returns the list of known features in an error's message. */
function listed(message: string): string | undefined {
  return /some of (.*), with commas/.exec(message)?.[1];
}

describe("the features to disable", () => {
  onlyInSandbox();

  it("are read by their names, or as all of them", () => {
    assert.deepEqual(parseDisabled(""), []);
    assert.deepEqual(parseDisabled("uso,tso4,uso"), ["tso4", "uso"]);
    for (const text of ["all", "uso,all", all.join(",")])
      assert.deepEqual(parseDisabled(text), all);
  });

  it("are refused if one is unknown, and the known ones are listed", () => {
    for (const text of ["tso", "TSO4", "tso4,", ",", "tso4, uso", "all,any"]) {
      assert.throws(
        () => parseDisabled(text),
        (error) =>
          error instanceof WgBridgeError &&
          error.code === "WG_BRIDGE_FEATURE_UNKNOWN" &&
          listed(error.message) === all.join(", "),
      );
    }
  });

  it("are the same as the engine's", () => {
    const env = { WG_BRIDGE_DISABLE: "nothing" };
    const { status, stdout } = spawnSync(executablePath({}), ["-f", "wg1"], {
      env,
      encoding: "utf8",
    });
    assert.equal(status, 1);
    assert.equal(listed(stdout), all.join(", "), stdout);
    assert.throws(
      () => parseDisabled("nothing"),
      (error) => listed(messageOf(error)) === listed(stdout),
    );
  });
});
