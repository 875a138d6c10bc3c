import assert from "node:assert/strict";
import { childDescriptors, descriptorOf } from "../../../src/backends/exec/descriptors.js";

const standard = ["inherit", "inherit", "inherit"] as const;

describe("the descriptors that a child gets", () => {
  it("are the standard ones and a status pipe if the environment names no others", () => {
    const { stdio, statusFd } = childDescriptors({}, standard, false);
    assert.deepEqual(stdio, [...standard, "pipe"]);
    assert.equal(statusFd, 3);
  });

  it("include those that the environment names, at their own numbers", () => {
    const env = { WG_TUN_FD: "5", WG_UAPI_FD: "3" };
    const { stdio, statusFd } = childDescriptors(env, standard, false);
    assert.deepEqual(stdio, [...standard, 3, "ignore", 5, "pipe"]);
    assert.equal(statusFd, 6);
  });

  for (const value of ["", "-1", "x", "3x", "1e1", "1024", "99999999999"]) {
    it(`do not include ${JSON.stringify(value)}, which the engine refuses`, () => {
      assert.equal(descriptorOf({ WG_TUN_FD: value }, "WG_TUN_FD"), undefined);
      const { stdio, env } = childDescriptors({ WG_TUN_FD: value }, standard, false);
      assert.deepEqual(stdio, [...standard, "pipe"]);
      assert.equal(env.WG_TUN_FD, value);
    });
  }

  it("include a status pipe of its own instead of the caller's, and not the caller's lifeline", () => {
    const caller = { WG_PROCESS_STATUS_FD: "9", WG_PROCESS_LIFELINE_FD: "8", HOME: "/" };
    const { stdio, env } = childDescriptors(caller, standard, false);
    assert.deepEqual(stdio, [...standard, "pipe"]);
    assert.deepEqual(env, {
      HOME: "/",
      WG_PROCESS_STATUS_FD: "3",
      WG_PROCESS_LIFELINE_FD: "",
    });
  });

  it("include a lifeline after all others, and the variable that names it", () => {
    const { stdio, statusFd, env } = childDescriptors({ WG_TUN_FD: "4" }, standard, true);
    assert.deepEqual(stdio, [...standard, "ignore", 4, "pipe", "pipe"]);
    assert.equal(statusFd, 5);
    assert.deepEqual([env.WG_PROCESS_STATUS_FD, env.WG_PROCESS_LIFELINE_FD], ["5", "6"]);
  });
});
