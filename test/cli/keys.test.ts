import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { PrivateKey } from "../../src/index.js";
import { onlyInSandbox } from "../sandbox.js";
import { bridge, runBridge } from "./programs.js";

describe("wg-bridge pubkey", () => {
  onlyInSandbox();

  const key = PrivateKey.generate().toBase64();
  const inputs: readonly (readonly [string, string])[] = [
    ["a key alone", key],
    ["a key on a line", `${key}\n`],
    ["white space of all kinds behind it", `${key} \t\r\n\v\f\n`],
    ["zeros behind it", `${key}\0\0`],
    ["white space before it", ` ${key}`],
    ["a letter behind it", `${key}x`],
    ["a word on the next line", `${key}\nx`],
    ["a space that is not ASCII's behind it", `${key}\u00a0`],
    ["nothing", ""],
    ["a word", "word\n"],
    ["a key without its last character", key.slice(0, -1)],
    ["another spelling of the same bytes", `${key.slice(0, 42)}B=`],
    ["hexadecimal", Buffer.from(key, "base64").toString("hex")],
    ["a key on a second line", `\n${key}`],
  ];
  for (const [what, input] of inputs) {
    it(`treats ${what} as wg does`, () => {
      const wg = spawnSync("wg", ["pubkey"], { input, encoding: "utf8" });
      const { status, stdout, stderr } = runBridge(["pubkey"], input);
      assert.deepEqual({ status, stdout }, { status: wg.status, stdout: wg.stdout });
      if (status === 0) assert.equal(stderr, "");
      else assert.match(stderr, /^wg-bridge: [^\n]*\n$/);
      assert.ok(!stderr.includes(key.slice(0, 20)));
    });
  }

  it("refuses endless input without reading it all", async () => {
    const stdio = [openSync("/dev/zero", "r"), "ignore", "ignore"] as const;
    const endless = spawn(bridge, ["pubkey"], { stdio: [...stdio] });
    assert.deepEqual(await once(endless, "exit"), [1, null]);
  });
});

describe("wg-bridge genkey and genpsk", () => {
  onlyInSandbox();

  it("make a different key each time, and clamp private keys only", () => {
    const made = ["genkey", "genkey", "genpsk", "genpsk"].map((verb) => runBridge([verb]).stdout);
    assert.equal(new Set(made).size, 4);
    for (const text of made) assert.match(text, /^[A-Za-z0-9+/]{43}=\n$/);
    for (const text of made.slice(0, 2)) {
      const bytes = Buffer.from(text, "base64");
      assert.equal((bytes[0] ?? 1) & 7, 0);
      assert.equal((bytes[31] ?? 0) & 192, 64);
    }
  });

  for (const verb of ["genkey", "genpsk", "pubkey"]) {
    it(`${verb} accepts no operands and no options`, () => {
      for (const word of ["word", "--force"]) {
        const { status, stdout, stderr } = runBridge([verb, word]);
        assert.deepEqual([status, stdout], [1, ""]);
        assert.match(
          stderr,
          new RegExp(`^wg-bridge: [^\\n]*: see wg-bridge ${verb} --help\\.\\n$`),
        );
      }
    });
  }
});
