import assert from "node:assert/strict";
import { parseFaultArguments } from "./arguments.js";

const programs = ["exec", "ffi"];

describe("the arguments of scripts/faults", () => {
  it("may be none", () => {
    assert.deepEqual(parseFaultArguments([], programs), {
      only: undefined,
      calls: undefined,
      depth: 3,
      json: undefined,
      list: false,
    });
  });

  it("select programs, calls and how many of these fail", () => {
    const words = ["--only", "ffi", "--calls", "read|recv.*", "--depth", "9", "--list"];
    const { only, calls, depth, list } = parseFaultArguments([...words, "--json", "/x"], programs);
    assert.deepEqual([only, depth, list], [["ffi"], 9, true]);
    const matched = ["read", "recvmsg", "pread64"].map((call) => calls?.test(call));
    assert.deepEqual(matched, [true, true, false], "the whole name counts");
  });

  for (const [words, message] of [
    [["--only", "exec,other"], /no program other: there are exec, ffi/],
    [["--calls", "("], /"\(" is not a regular expression/],
    [["--depth", "0"], /--depth/],
    [["--frobnicate"], /frobnicate/],
  ] as const) {
    it(`refuse ${words.join(" ")}`, () => {
      assert.throws(() => parseFaultArguments(words, programs), message);
    });
  }
});
