import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCommandLine } from "../../src/cli/arguments.js";
import { WgBridgeError } from "../../src/index.js";

function parse(line: string): unknown {
  return parseCommandLine(line === "" ? [] : line.split(" "));
}

/** Returns the message with which a command line is refused. */
function refusal(args: readonly string[]): string {
  try {
    parseCommandLine(args);
  } catch (error) {
    if (error instanceof WgBridgeError) return error.message;
    throw error;
  }
  return assert.fail(`${args.join(" ")} was accepted`);
}

describe("the command line", () => {
  const background = { command: "run", foreground: false, name: "wg1" };
  const foreground = { ...background, foreground: true };

  it("runs a tunnel with wireguard-go's arguments", () => {
    assert.deepEqual(parse("wg1"), background);
    assert.deepEqual(parse("-f wg1"), foreground);
    assert.deepEqual(parse("--foreground wg1"), foreground);
  });

  it("accepts the command run, also for an interface with the name of a command", () => {
    assert.deepEqual(parse("run wg1"), background);
    for (const name of ["run", "check", "compare", "doctor", "--version"]) {
      assert.deepEqual(parseCommandLine(["run", "-f", "--", name]), { ...foreground, name });
    }
    assert.deepEqual(parse("run check"), { ...background, name: "check" });
  });

  it("refuses what is probably a misspelt command, unless run or an option precedes it", () => {
    const misspelt = {
      "wg-bridge show": ["sho", "shwo", "shw", "shoe", "shiw", "SHOW", "Show", "status", "list"],
      "wg-bridge setconf": ["setc", "setcon", "setconff", "stconf", "setcnof"],
      "wg-bridge genkey": ["gen", "genk", "gnekey", "genkeys"],
      "wg-bridge --version": ["version", "ver", "vers", "versions", "Version"],
      "wg-bridge down": ["dow", "donw", "dwn", "stop"],
      "wg-bridge up": ["UP", "start"],
      "wg-bridge run": ["RUN"],
      "npm run compare, in a checkout": ["compare", "Compare"],
      "npm run bench, in a checkout": ["bench", "BENCH"],
    };
    for (const [meaning, words] of Object.entries(misspelt)) {
      for (const name of words) {
        for (const args of [[name], [name, "wg0"], [name, "-f"]]) {
          const message = refusal(args);
          assert.ok(message.includes(`: did you mean ${meaning}?`), message);
          assert.ok(message.includes(`wg-bridge run ${name}.`));
        }
        assert.deepEqual(parseCommandLine(["run", name]), { ...background, name });
        assert.deepEqual(parseCommandLine(["-f", name]), { ...foreground, name });
        assert.deepEqual(parseCommandLine(["--", name]), { ...background, name });
      }
    }
  });

  it("treats other words as names of interfaces", () => {
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

  it("accepts a backend on either side of the name", () => {
    assert.deepEqual(parse("--backend=ffi wg1"), { ...background, backend: "ffi" });
    assert.deepEqual(parse("wg1 -f --backend=exec"), { ...foreground, backend: "exec" });
  });

  it("does not validate a backend or a name", () => {
    assert.deepEqual(parse("--backend= a/b"), { ...background, backend: "", name: "a/b" });
    assert.deepEqual(parseCommandLine([""]), { ...background, name: "" });
  });

  for (const line of ["", "-f", "run", "wg1 wg2", "wg1 -h", "--version x"]) {
    it(`prints the usage for "${line}"`, () => {
      assert.deepEqual(parse(line), { command: "usage" });
    });
  }

  it("prints the help for --help and -h, or that of the command before them", () => {
    for (const line of ["--help", "-h"]) {
      assert.deepEqual(parse(line), { command: "help", args: [] });
    }
    for (const command of ["run", "show", "check", "doctor"]) {
      for (const line of [`${command} --help`, `${command} -h`, `${command} x --help`]) {
        assert.deepEqual(parse(line), { command: "help", args: [command] });
      }
    }
    assert.deepEqual(parse("run -- --help"), { ...background, name: "--help" });
    assert.deepEqual(parse("check -- -h"), { command: "check", args: ["--", "-h"] });
  });

  it("leaves the arguments of other commands to these commands", () => {
    assert.deepEqual(parse("--version"), { command: "version" });
    assert.deepEqual(parse("doctor --json"), { command: "doctor", args: ["--json"] });
    assert.deepEqual(parse("check -f x"), { command: "check", args: ["-f", "x"] });
  });

  it("refuses an unknown option, and says how to name an interface like it", () => {
    for (const [line, option] of [
      ["--frobnicate wg1", "--frobnicate"],
      ["-x", "-x"],
      ["wg1 -", "-"],
    ] as const) {
      assert.match(refusal(line.split(" ")), new RegExp(`^Unknown option '${option}'`));
    }
    assert.match(refusal(["-x"]), /put "--" before/);
    assert.match(refusal(["wg1", "--foreground=no"]), /--foreground' does not take an argument/);
  });

  it("refuses a backend without an equals sign", () => {
    for (const line of ["wg1 --backend ffi", "--backend wg1", "--backend"]) {
      assert.match(refusal(line.split(" ")), /equals sign: --backend=auto/);
    }
    assert.deepEqual(parse("-- --backend"), { ...background, name: "--backend" });
  });

  it("is understood or refused, whatever it is", () => {
    const word = fc.oneof(fc.string(), fc.constantFrom("run", "-f", "--", "--backend=x", "doctor"));
    fc.assert(
      fc.property(fc.array(word), (words) => {
        try {
          return parseCommandLine(words).command.length > 0;
        } catch (error) {
          return error instanceof WgBridgeError && error.code === "WG_BRIDGE_VALUE";
        }
      }),
    );
  });
});
