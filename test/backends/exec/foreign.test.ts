import assert from "node:assert/strict";
import {
  type ChildEnd,
  describeEnd,
  failureOf,
  isCrash,
  isMissingCall,
} from "../../../src/backends/exec/foreign.js";

const prefix = "ERROR: (wg1) 2026/01/02 03:04:05 ";

function failed(...output: string[]): ChildEnd {
  return { code: 1, signal: null, output };
}

describe("the last lines of another wireguard-go program", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["Failed to create TUN device: device or resource busy", "WG_BRIDGE_INTERFACE_EXISTS"],
    ["mkdir /var/run/wireguard: read-only file system", "WG_BRIDGE_SOCKET_DIRECTORY"],
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
      assert.equal(failureOf(failed("banner", prefix + line)).code, code);
    });
  }

  it("do not count if a signal ended it", () => {
    const end = { ...failed("operation not permitted"), code: null, signal: "SIGSEGV" } as const;
    assert.equal(failureOf(end).code, "WG_BRIDGE_EXECUTABLE_CRASHED");
  });

  for (const code of [0, 2, 139]) {
    it(`mean a crash if the exit code is ${code}, unless they name a cause`, () => {
      assert.equal(failureOf({ ...failed("done"), code }).code, "WG_BRIDGE_EXECUTABLE_CRASHED");
    });
  }

  it("give the error as the cause, not what was logged after it", () => {
    const end = failed(`${prefix}first`, `${prefix}second`, "bye", "");
    assert.equal(
      failureOf(end).fact,
      `its program ended with exit code 1, and said "${prefix}second"`,
    );
    assert.match(failureOf(failed("only", " ")).fact, /said "only"$/);
  });

  it("give only how it ended if it printed nothing", () => {
    assert.equal(failureOf(failed()).fact, "its program ended with exit code 1");
    const killed = { code: null, signal: "SIGKILL", output: [] } as const;
    assert.equal(failureOf(killed).fact, "its program was killed by SIGKILL");
  });
});

describe("the report of a crash", () => {
  const first = [
    "panic: runtime error: invalid memory address or nil pointer dereference",
    "fatal error: all goroutines are asleep - deadlock!",
    "SIGQUIT: quit",
    "SIGABRT: abort",
    "thread 'main' panicked at src/main.rs:2:5:",
    "thread 'tokio-runtime-worker' (1234) panicked at src/lib.rs:10:1:",
  ];
  for (const line of first) {
    it(`begins with "${line}"`, () => {
      assert.ok(isCrash(line));
      const end = { ...failed("rip 0x401000"), code: 2, crash: line };
      assert.equal(describeEnd(end), `crashed (${line})`);
      assert.equal(failureOf(end).code, "WG_BRIDGE_EXECUTABLE_CRASHED");
    });
  }

  for (const line of ["goroutine 1 [running]:", "rip    0x401000", `${prefix}panic: no`, ""]) {
    it(`does not begin with ${JSON.stringify(line)}`, () => {
      assert.ok(!isCrash(line));
    });
  }
});

describe("what ip(8) says when it fails", () => {
  it("tells a call that the system does not have from one that it refuses", () => {
    // iproute2 in gVisor, and BusyBox with musl's words.
    assert.ok(isMissingCall("SIOCSIFMTU: Inappropriate ioctl for device\n"));
    assert.ok(isMissingCall("ip: SIOCSIFMTU: Not a tty\n"));
    assert.ok(!isMissingCall("Error: mtu greater than device maximum.\n"));
    assert.ok(!isMissingCall("RTNETLINK answers: Operation not permitted\n"));
  });
});
