import assert from "node:assert/strict";
import { parseCompareArguments } from "../../compare/arguments.js";

describe("the arguments of compare", () => {
  it("ask for one run and a table when there are none", () => {
    assert.deepEqual(parseCompareArguments([]), {
      help: false,
      also: [],
      repeats: 1,
      json: false,
    });
  });

  it("name other programs, in their order, by absolute paths", () => {
    const args = ["--also", "upstream=build/x", "--also=boringtun=/bin/a=b"];
    assert.deepEqual(parseCompareArguments(args).also, [
      { name: "upstream", path: `${process.cwd()}/build/x` },
      { name: "boringtun", path: "/bin/a=b" },
    ]);
  });

  it("ask for repeats, JSON and a page", () => {
    const { repeats, json, html } = parseCompareArguments([
      "--repeat=20",
      "--json",
      "--html",
      "page.html",
    ]);
    assert.deepEqual(
      { repeats, json, html },
      {
        repeats: 20,
        json: true,
        html: `${process.cwd()}/page.html`,
      },
    );
  });

  for (const [args, complaint] of [
    [["--also", "path"], /^--also "path" is not NAME=PATH/],
    [["--also", "=path"], /is not NAME=PATH/],
    [["--also", "name="], /is not NAME=PATH/],
    [["--also", "two words=path"], /is not NAME=PATH/],
    [["--also", "ffi=path"], /^--also cannot name a program ffi/],
    [["--also", "a=b", "--also", "a=c"], /^--also names two programs a/],
    [["--repeat", "0"], /^--repeat "0" is not a whole number from 1 to 10000\.$/],
    [["--repeat", "1.5"], /^--repeat "1\.5" is not/],
    [["--repeat", ""], /^--repeat "" is not/],
    [["--repeat"], /--repeat.*: see wg-bridge compare --help\.$/],
    [["--html", ""], /^--html needs/],
    [["--faster"], /^Unknown option '--faster': see wg-bridge compare --help\.$/],
    [["wg0"], /^Unexpected argument 'wg0'/],
  ] as const) {
    it(`are refused with a sentence: ${JSON.stringify(args)}`, () => {
      assert.throws(() => parseCompareArguments(args), { message: complaint });
    });
  }
});
