import assert from "node:assert/strict";
import { parseTrace } from "./strace.js";

const text = [
  '10 100.000001 [  59] execve("/usr/bin/true", ["true"], 0x1 /* 3 vars */) = 0',
  "10 100.000002 [  41] socket(AF_NETLINK, SOCK_RAW, 0) = -1 EMFILE (Too many open files) (INJECTED)",
  "11 100.000003 [   0] read(3,  <unfinished ...>",
  '10 100.000004 [   1] write(1, "x", 1) = 1',
  '11 100.000005 [   0] <... read resumed>"", 10) = -1 EIO (Input/output error) (INJECTED)',
  '11 100.000006 [   0] read(3, "", 10) = 0',
  "11 100.0000065 [   0] read(5<anon_inode:[eventfd]>, 0x1, 8) = -1 EPERM (Operation not permitted) (INJECTED)",
  "12 100.000007 [   7] <... poll resumed>) = 0",
  "11 100.000008 +++ exited with 0 +++",
  "",
].join("\n");

describe("an strace log", () => {
  it("has each call once, with its thread, number, start time and whether it was injected", () => {
    assert.deepEqual(parseTrace(text), [
      { thread: 10, at: 100.000001, name: "execve", number: 59, injected: false, wakes: false },
      { thread: 10, at: 100.000002, name: "socket", number: 41, injected: true, wakes: false },
      { thread: 11, at: 100.000003, name: "read", number: 0, injected: true, wakes: false },
      { thread: 10, at: 100.000004, name: "write", number: 1, injected: false, wakes: false },
      { thread: 11, at: 100.000006, name: "read", number: 0, injected: false, wakes: false },
      { thread: 11, at: 100.0000065, name: "read", number: 0, injected: true, wakes: true },
    ]);
  });

  it("may be empty", () => {
    assert.deepEqual(parseTrace(""), []);
  });
});
