import assert from "node:assert/strict";
import { parseBenchArguments } from "../../tunnels/arguments.js";
import { legs } from "../../tunnels/figures.js";

describe("the arguments of bench", () => {
  it("ask for nine rounds of all parts and a table when there are none", () => {
    assert.deepEqual(parseBenchArguments([]), {
      help: false,
      peers: [],
      without: [],
      rounds: 9,
      seconds: 1,
      legs,
      json: false,
    });
  });

  it("name peers by absolute paths, and levers to do without, each in its order", () => {
    const { peers, without } = parseBenchArguments([
      "--peer=b=build/x",
      "--without",
      "tso4,uso",
      "--peer",
      "a=/bin/a=b",
      "--without=all",
    ]);
    assert.deepEqual(peers, [
      { name: "b", path: `${process.cwd()}/build/x` },
      { name: "a", path: "/bin/a=b" },
    ]);
    assert.deepEqual(without, ["tso4,uso", "all"]);
  });

  it("ask for three rounds by --quick, unless told how many", () => {
    assert.equal(parseBenchArguments(["--quick"]).rounds, 3);
    assert.equal(parseBenchArguments(["--quick", "--rounds=7"]).rounds, 7);
  });

  it("ask for some parts, which keep their order", () => {
    assert.deepEqual(parseBenchArguments(["--only=ping,start"]).legs, ["start", "ping"]);
  });

  it("ask for seconds, JSON and a page", () => {
    const { seconds, json, html } = parseBenchArguments(["--seconds=5", "--json", "--html=p.html"]);
    assert.deepEqual(
      { seconds, json, html },
      { seconds: 5, json: true, html: `${process.cwd()}/p.html` },
    );
  });

  for (const [args, complaint] of [
    [["--peer", "path"], /^--peer "path" is not NAME=PATH/],
    [["--peer", "upstream=path"], /^--peer cannot name a program upstream/],
    [["--without", ""], /^--without "" is not LEVER,\.\.\.: /],
    [["--without", "tso4,"], /^--without "tso4," is not/],
    [["--without", "uso", "--without", "uso"], /^--without uso stands there twice\.$/],
    [["--rounds", "0"], /^--rounds "0" is not a whole number from 1 to 1000\.$/],
    [["--seconds", "0.5"], /^--seconds "0\.5" is not a whole number/],
    [["--only", "tcp,udb"], /^--only "udb" is none of start, tcp, udp, /],
    [["--html", ""], /^--html needs/],
    [["--faster"], /^Unknown option '--faster': see wg-bridge bench --help\.$/],
    [["wg0"], /^Unexpected argument 'wg0'/],
  ] as const) {
    it(`are refused with a sentence: ${JSON.stringify(args)}`, () => {
      assert.throws(() => parseBenchArguments(args), { message: complaint });
    });
  }
});
