import assert from "node:assert/strict";
import { parseBenchArguments, usage } from "../arguments.js";
import { comparison } from "../netns/netns.js";
import { legs, onRequest } from "../tunnels/figures.js";
import { tunnels } from "../tunnels/tunnels.js";

const parse = (args: readonly string[]) =>
  parseBenchArguments(tunnels, args, ["reno", "bbr", "cubic"]);
const parseComparison = (args: readonly string[]) => parseBenchArguments(comparison(), args);

describe("the arguments of a benchmark", () => {
  it("ask for nine rounds of all parts and a table if there are none", () => {
    assert.deepEqual(parse([]), {
      help: false,
      also: [],
      without: [],
      rounds: 9,
      seconds: 1,
      legs: legs.filter((leg) => !onRequest.includes(leg)),
      json: false,
    });
  });

  it("ask for one round of a comparison", () => {
    assert.equal(parseComparison([]).rounds, 1);
    assert.equal(parseComparison(["--rounds=20"]).rounds, 20);
  });

  it("name other programs by absolute paths, and levers to switch off, each in order", () => {
    const { also, without } = parse([
      "--also=b=build/x",
      "--without",
      "tso4,uso",
      "--also",
      "a=/bin/a=b",
      "--without=all",
    ]);
    assert.deepEqual(also, [
      { name: "b", path: `${process.cwd()}/build/x` },
      { name: "a", path: "/bin/a=b" },
    ]);
    assert.deepEqual(without, ["tso4,uso", "all"]);
  });

  it("accept upstream as another program in a comparison", () => {
    assert.equal(parseComparison(["--also=upstream=/x"]).also[0]?.name, "upstream");
  });

  it("ask for three rounds by --quick, unless --rounds says how many", () => {
    assert.equal(parse(["--quick"]).rounds, 3);
    assert.equal(parse(["--quick", "--rounds=7"]).rounds, 7);
  });

  it("ask for some parts, which keep their order", () => {
    assert.deepEqual(parse(["--only=ping,start"]).legs, ["start", "ping"]);
    assert.deepEqual(parseComparison(["--only=netns.sh"]).legs, ["netns.sh"]);
  });

  it("leave out what the kernel cannot do, unless it is asked for", () => {
    const { legs: possible } = parseBenchArguments(tunnels, [], ["reno"]);
    assert.deepEqual(
      parse([]).legs.filter((leg) => !possible.includes(leg)),
      ["ping-bbr"],
    );
    assert.throws(() => parseBenchArguments(tunnels, ["--only=ping-bbr"], ["reno"]), {
      message: "--only ping-bbr: the kernel does not offer it. Try modprobe tcp_bbr first.",
    });
    assert.deepEqual(parse(["--only=ping-reno"]).legs, ["ping-reno"]);
  });

  it("ask for a congestion control that the kernel offers", () => {
    assert.equal(parse(["--congestion=reno"]).congestion, "reno");
    assert.throws(() => parseComparison(["--congestion=reno"]), {
      message: "--congestion is not an option of compare.",
    });
  });

  it("choose programs, their reference, and further rounds", () => {
    const { programs, reference, maxRounds, also } = parse([
      ...["--programs=exec,fork", "--reference=exec", "--max-rounds=15"],
    ]);
    assert.deepEqual([programs, reference, maxRounds], [["exec", "fork"], "exec", 15]);
    assert.match(also[0]?.path ?? "", /\/build\/interop\/bin\/tailscale-wireguard-go$/);
    const own = parse(["--programs=fork", "--also=fork=/x"]).also;
    assert.deepEqual(own, [{ name: "fork", path: "/x" }]);
    assert.throws(() => parseComparison(["--programs=exec"]), {
      message: "--programs is not an option of compare.",
    });
  });

  it("ask for seconds, JSON, a page and a picture", () => {
    const { seconds, json, html, svg } = parse([
      "--seconds=5",
      "--json",
      "--html=p.html",
      "--svg",
      "p.svg",
    ]);
    assert.deepEqual(
      { seconds, json, html, svg },
      { seconds: 5, json: true, html: `${process.cwd()}/p.html`, svg: `${process.cwd()}/p.svg` },
    );
  });

  for (const [args, complaint] of [
    [["--also", "path"], /^--also "path" is not NAME=PATH/],
    [["--also", "=path"], /is not NAME=PATH/],
    [["--also", "name="], /is not NAME=PATH/],
    [["--also", "two words=path"], /is not NAME=PATH/],
    [["--also", "ffi=path"], /^--also cannot name a program ffi/],
    [["--also", "upstream=path"], /^--also cannot name a program upstream/],
    [["--also", "a=b", "--also", "a=c"], /^--also names two programs a/],
    [["--without", ""], /^--without "" is not LEVER,\.\.\.: /],
    [["--without", "tso4,"], /^--without "tso4," is not/],
    [["--without", "uso", "--without", "uso"], /^--without uso is given twice\.$/],
    [["--rounds", "0"], /^--rounds "0" is not a whole number from 1 to 10000\.$/],
    [["--rounds", "1.5"], /^--rounds "1\.5" is not/],
    [["--rounds", ""], /^--rounds "" is not/],
    [["--rounds"], /--rounds.*: see tunnels --help\.$/],
    [["--seconds", "0.5"], /^--seconds "0\.5" is not a whole number/],
    [["--only", "tcp,udb"], /^--only "udb" is none of start, tcp, udp, /],
    [
      ["--congestion", "vegas"],
      /^--congestion "vegas": the kernel does not offer it\. Try modprobe/,
    ],
    [["--max-rounds", "8"], /^--max-rounds 8 is below the 9 rounds of --rounds\.$/],
    [["--html", ""], /^--html needs/],
    [["--svg", ""], /^--svg needs/],
    [["--faster"], /^Unknown option '--faster': see tunnels --help\.$/],
    [["wg0"], /^Unexpected argument 'wg0'/],
  ] as const) {
    it(`are refused in one sentence: ${JSON.stringify(args)}`, () => {
      assert.throws(() => parse(args), { message: complaint });
    });
  }

  it("are described by --help, in lines of at most 100 characters", () => {
    for (const text of [usage(tunnels), usage(comparison())]) {
      for (const line of text.split("\n")) assert.ok(line.length <= 100, line);
      for (const option of ["--also", "--rounds", "--quick", "--only", "--json", "--html", "--svg"])
        assert.ok(text.includes(option), option);
    }
  });
});
