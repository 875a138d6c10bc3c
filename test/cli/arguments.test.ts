import assert from "node:assert/strict";
import fc from "fast-check";
import { parseArguments } from "../../src/cli/arguments.js";

function parse(line: string): unknown {
  return parseArguments(line === "" ? [] : line.split(" "));
}

describe("the command line", () => {
  const background = { verb: "run", foreground: false, name: "wg1" };
  const foreground = { ...background, foreground: true };

  it("runs a tunnel as wireguard-go's does", () => {
    assert.deepEqual(parse("wg1"), background);
    assert.deepEqual(parse("-f wg1"), foreground);
    assert.deepEqual(parse("--foreground wg1"), foreground);
  });

  it("takes the verb run, also for an interface that is called like a verb", () => {
    assert.deepEqual(parse("run wg1"), background);
    for (const name of ["run", "check", "doctor", "--version"]) {
      assert.deepEqual(parseArguments(["run", "-f", "--", name]), { ...foreground, name });
    }
    assert.deepEqual(parse("run check"), { ...background, name: "check" });
  });

  it("takes for a verb with a mistake what is one most likely, unless run or an option is before it", () => {
    const mistaken = {
      show: ["sho", "shwo", "shw", "shoe", "shiw", "SHOW", "Show", "status", "list"],
      setconf: ["setc", "setcon", "setconff", "stconf", "setcnof"],
      genkey: ["gen", "genk", "gnekey", "genkeys"],
      "--version": ["version", "ver", "vers", "versions", "Version"],
      down: ["dow", "donw", "dwn", "stop"],
      up: ["UP", "start"],
      run: ["RUN"],
    };
    for (const [meant, words] of Object.entries(mistaken)) {
      for (const name of words) {
        for (const args of [[name], [name, "wg0"], [name, "-f"]]) {
          const command = parseArguments(args);
          assert.ok(command.verb === "mistake", name);
          assert.ok(command.message.includes(`: wg-bridge ${meant}. `), command.message);
          assert.ok(command.message.includes(`wg-bridge run ${name}.`));
        }
        assert.deepEqual(parseArguments(["run", name]), { ...background, name });
        assert.deepEqual(parseArguments(["-f", name]), { ...foreground, name });
        assert.deepEqual(parseArguments(["--", name]), { ...background, name });
      }
    }
  });

  it("takes other names for names", () => {
    const names = [
      "wg0",
      "show0",
      "up1",
      "ip",
      "ud",
      "sh",
      "ru",
      "runn",
      "home",
      "office",
      "tun",
      "set-1",
      "vpn",
    ];
    for (const name of names) assert.deepEqual(parse(name), { ...background, name });
  });

  it("takes a backend on either side of the name", () => {
    assert.deepEqual(parse("--backend=ffi wg1"), { ...background, backend: "ffi" });
    assert.deepEqual(parse("wg1 -f --backend=exec"), { ...foreground, backend: "exec" });
  });

  it("leaves it to others whether a backend or a name is good", () => {
    assert.deepEqual(parse("--backend= a/b"), { ...background, backend: "", name: "a/b" });
    assert.deepEqual(parseArguments([""]), { ...background, name: "" });
  });

  for (const line of ["", "-f", "run", "wg1 wg2", "wg1 -h", "--version x"]) {
    it(`"${line}" is answered with the usage`, () => {
      assert.deepEqual(parse(line), { verb: "usage" });
    });
  }

  it("answers a call for help with the help, a verb's with the verb's", () => {
    for (const line of ["--help", "-h"]) assert.deepEqual(parse(line), { verb: "help", args: [] });
    for (const verb of ["run", "show", "check", "doctor"]) {
      for (const line of [`${verb} --help`, `${verb} -h`, `${verb} x --help`]) {
        assert.deepEqual(parse(line), { verb: "help", args: [verb] });
      }
    }
    assert.deepEqual(parse("run -- --help"), { ...background, name: "--help" });
    assert.deepEqual(parse("check -- -h"), { verb: "check", args: ["--", "-h"] });
  });

  it("knows the other verbs, and leaves their arguments to them", () => {
    assert.deepEqual(parse("--version"), { verb: "version" });
    assert.deepEqual(parse("doctor --json"), { verb: "doctor", args: ["--json"] });
    assert.deepEqual(parse("check -f x"), { verb: "check", args: ["-f", "x"] });
  });

  it("says of an unknown option that it is one", () => {
    for (const line of ["--frobnicate wg1", "-x", "wg1 --backend ffi"]) {
      const command = parseArguments(line.split(" "));
      assert.equal(command.verb, "mistake");
    }
  });

  it("never fails", () => {
    const word = fc.oneof(fc.string(), fc.constantFrom("run", "-f", "--", "--backend=x", "doctor"));
    fc.assert(fc.property(fc.array(word), (words) => parseArguments(words).verb.length > 0));
  });
});
