import assert from "node:assert/strict";
import { cause, classify } from "../../../src/backends/exec/classify.js";

const prefix = "ERROR: (wg1) 2026/01/02 03:04:05 ";

function failed(...output: string[]): { code: number; signal: null; output: string[] } {
  return { code: 1, signal: null, output };
}

describe("the last lines of a wireguard-go program", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["Failed to create TUN device: device or resource busy", "WG_BRIDGE_INTERFACE_EXISTS"],
    ["Failed to create TUN device: invalid argument", "WG_BRIDGE_INTERFACE_EXISTS"],
    ["Failed to create TUN device: operation not permitted", "WG_BRIDGE_PERMISSION"],
    ["Failed to create TUN device: open /dev/net/tun: permission denied", "WG_BRIDGE_PERMISSION"],
    [
      'Failed to create TUN device: CreateTUN("wg1") failed; /dev/net/tun does not exist',
      "WG_BRIDGE_NO_TUN",
    ],
    ["Failed to create TUN device: open /dev/net/tun: no such device", "WG_BRIDGE_NO_TUN"],
    ["UAPI listen error: unix socket in use", "WG_BRIDGE_SOCKET_IN_USE"],
    ["UAPI listen error: mkdir /var/run/wireguard: permission denied", "WG_BRIDGE_PERMISSION"],
    ["something new", "WG_BRIDGE_ENGINE"],
  ];
  for (const [line, code] of cases) {
    it(`"${line}" mean ${code}`, () => {
      assert.equal(classify(failed("banner", prefix + line)), code);
    });
  }

  it("do not matter where a signal ended it", () => {
    const end = { ...failed("operation not permitted"), code: null, signal: "SIGSEGV" };
    assert.equal(classify(end), "WG_BRIDGE_EXECUTABLE_CRASHED");
  });

  for (const code of [0, 2, 139]) {
    it(`say of exit code ${code} that it crashed, unless they give a cause`, () => {
      assert.equal(classify({ ...failed("panic: x"), code }), "WG_BRIDGE_EXECUTABLE_CRASHED");
    });
  }

  it("give the error as the cause, not what was logged after it", () => {
    assert.equal(cause(failed(`${prefix}first`, `${prefix}second`, "bye", "")), `${prefix}second`);
    assert.equal(cause(failed("only", " ")), "only");
  });

  it("give the way it ended as the cause where it said nothing", () => {
    assert.equal(cause(failed()), "exit code 1");
    assert.equal(cause({ code: null, signal: "SIGKILL", output: [] }), "killed by SIGKILL");
  });
});
