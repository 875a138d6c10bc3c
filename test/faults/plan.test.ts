import assert from "node:assert/strict";
import { type Fault, likelyErrno, phaseAt, planFaults } from "./plan.js";
import type { TracedCall } from "./strace.js";

const times = { start: 10, configure: 20, traffic: 30, stop: 40 };

function made(name: string, thread: number, ...at: readonly number[]): TracedCall[] {
  return at.map((time) => ({ name, thread, at: time, number: 41, injected: false, wakes: false }));
}

function inShort({ call, errno, nth, phase, by }: Fault): string {
  return `${call} ${errno} ${nth} ${phase} ${by}`;
}

describe("the plan of faults", () => {
  it("fails the first and last calls of a thread, then all calls from each phase on that has one", () => {
    const calls = [...made("socket", 1, 11, 12, 13, 14, 31), ...made("socket", 2, 10.5)];
    assert.deepEqual(planFaults(calls, times, 2, () => true).map(inShort), [
      "socket EMFILE 1 start strace",
      "socket EMFILE 2 start strace",
      "socket EMFILE 5 traffic strace",
      "socket EPERM always start strace",
      "socket EPERM always traffic strace",
      "socket EPERM always start seccomp",
    ]);
  });

  it("names the phase in which the earliest thread makes the call", () => {
    const calls = [...made("read", 1, 41), ...made("read", 2, 21)];
    assert.equal(planFaults(calls, times, 1, () => true)[0]?.phase, "configure");
  });

  it("is sorted by name, and excludes calls that are not wanted or make no sense", () => {
    const calls = ["write", "close", "bind", "ioctl"].flatMap((name) => made(name, 1, 11));
    const names = planFaults(calls, times, 1, (call) => call !== "ioctl").map(({ call }) => call);
    assert.deepEqual([...new Set(names)], ["bind", "write"]);
  });

  it("lets a program report", () => {
    const faults = planFaults(made("write", 1, 11), times, 1, () => true);
    assert.deepEqual(faults.map(inShort), ["write EIO 1 start strace"]);
  });

  it("fails a call with its most likely error", () => {
    const errnos = ["accept4", "mmap", "epoll_ctl", "recvmmsg"].map(likelyErrno);
    assert.deepEqual(errnos, ["EMFILE", "ENOMEM", "ENOSPC", "EIO"]);
  });

  it("finds the phase at a time", () => {
    const found = [5, 10, 25, 45].map((at) => phaseAt(times, at));
    assert.deepEqual(found, ["start", "start", "configure", "stop"]);
    assert.equal(phaseAt({ start: 10 }, 50), "start");
  });
});
