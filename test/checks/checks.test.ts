import assert from "node:assert/strict";
import { type Check, runCheck } from "./checks.js";
import { onePassed } from "./outcome.js";

function check(script: string): Check {
  const command = ["bash", "-c", script];
  return {
    name: "a check",
    command,
    needsSandbox: true,
    read: ({ output, status }) => ({ ...onePassed, details: `${status} ${output}` }),
  };
}

describe("runCheck", () => {
  it("reads the command's status and both its streams", async () => {
    const outcome = await runCheck(check("echo out; echo err >&2; exit 3"), undefined);
    assert.match(outcome.details, /^3 /);
    assert.match(outcome.details, /out\n/);
    assert.match(outcome.details, /err\n/);
  });

  it("skips a check that needs the sandbox where there is none, and says why", async () => {
    const outcome = await runCheck(check("exit 1"), "no namespaces");
    assert.deepEqual(outcome.skips, [{ test: "a check", reason: "no namespaces" }]);
  });
});
