import assert from "node:assert/strict";
import {
  childStdio,
  descriptorOf,
  stdioWithStatus,
  withLifeline,
} from "../../../src/cli/run/descriptors.js";

const standard = ["inherit", "inherit", "inherit"] as const;

describe("the descriptors that a child gets", () => {
  it("are the standard ones where the environment names no other", () => {
    assert.deepEqual(childStdio({}, standard), [...standard]);
  });

  it("include those that the environment names, at their own numbers", () => {
    const env = { WG_TUN_FD: "5", WG_UAPI_FD: "3" };
    assert.deepEqual(childStdio(env, standard), [...standard, 3, "ignore", 5]);
  });

  for (const value of ["", "-1", "x", "3x", "1e1", "1024", "99999999999"]) {
    it(`do not include ${JSON.stringify(value)}, which is for the engine to refuse`, () => {
      assert.equal(descriptorOf({ WG_TUN_FD: value }, "WG_TUN_FD"), undefined);
      assert.deepEqual(childStdio({ WG_TUN_FD: value }, standard), [...standard]);
    });
  }

  it("include a pipe for its status after all others, in place of the caller's", () => {
    const env = { WG_TUN_FD: "4", WG_PROCESS_STATUS_FD: "9", HOME: "/" };
    const prepared = stdioWithStatus(env, standard);
    assert.deepEqual(prepared.stdio, [...standard, "ignore", 4, "pipe"]);
    assert.equal(prepared.statusFd, 5);
    assert.deepEqual(prepared.env, { WG_TUN_FD: "4", HOME: "/", WG_PROCESS_STATUS_FD: "5" });
  });

  it("include a lifeline after all others, and the variable that names it", () => {
    const env = { HOME: "/", WG_PROCESS_LIFELINE_FD: "9" };
    const prepared = withLifeline({ stdio: [...standard, "pipe"], env });
    assert.deepEqual(prepared.stdio, [...standard, "pipe", "pipe"]);
    assert.deepEqual(prepared.env, { HOME: "/", WG_PROCESS_LIFELINE_FD: "4" });
  });
});
