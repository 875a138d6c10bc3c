import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { encodeStatus } from "../../src/uapi/encode.js";
import { endLeftTunnels, onlyInSandbox } from "../sandbox.js";
import { FakeServer } from "../uapi/fake-server.js";
import { bridge, runBridge } from "./programs.js";

/** A terminal reset, a colour sequence that begins with one character, and an override of the text direction. */
const hostile = "\x1bc\x9b31m\u202ex";

const controls = /[\p{Cc}\p{Cf}]/u;

/** Runs wg-bridge on a terminal without colour, and returns its output. After the first view, interrupts --watch. */
async function onTerminal(words: readonly string[]): Promise<string> {
  const command = [bridge, ...words].map((word) => `'${word}'`).join(" ");
  const terminal = spawn("script", ["-qec", command, "/dev/null"], {
    env: { ...process.env, TERM: "dumb", SHELL: "/bin/sh" },
    stdio: ["pipe", "pipe", "inherit"],
    timeout: 30_000,
  });
  let text = "";
  let interrupted = !words.includes("--watch");
  for await (const piece of terminal.stdout) {
    text += piece;
    if (!interrupted && /\}\r\n|\r\n\r\n/.test(text)) {
      interrupted = true;
      terminal.stdin.write("\x03");
    }
  }
  // The terminal turns a newline into two characters.
  return text.replaceAll("\r\n", "").replaceAll("\t", "");
}

describe("names and arguments with escape sequences", () => {
  onlyInSandbox();
  endLeftTunnels(hostile);

  let server: FakeServer;
  before(async () => {
    server = await FakeServer.start(hostile, encodeStatus({ peers: [], unknown: [] }));
  });
  after(() => server[Symbol.asyncDispose]());

  for (const words of [
    ["show"],
    ["show", "interfaces"],
    ["show", "all", "dump"],
    ["show", hostile],
    ["show", "--json"],
    ["show", "--json", "--watch", "--interval=60"],
    ["show", "--watch", "--interval=60"],
    ["metrics"],
  ]) {
    it(`are printed as codes by ${words.join(" ").replace(hostile, "NAME")} on a terminal`, async () => {
      const text = await onTerminal(words);
      assert.ok(!controls.test(text.replaceAll("\x03", "")), JSON.stringify(text));
      assert.match(text, /\\x1bc\\x9b31m\\u202ex|\\u001bc\\u009b31m\\u202ex/);
    });
  }

  it("stay unchanged for programs, in JSON and in what wg prints", async () => {
    const run = promisify(execFile);
    assert.equal((await run(bridge, ["show", "interfaces"])).stdout, `${hostile}\n`);
    assert.ok((await run(bridge, ["metrics"])).stdout.includes(`interface="${hostile}"`));
    const { stdout } = await run(bridge, ["show", "--json"]);
    assert.deepEqual(Object.keys(JSON.parse(stdout)), [hostile]);
    assert.ok(!controls.test(stdout.replaceAll("\n", "")));
  });

  it("are printed as codes in every error", () => {
    const long = hostile.repeat(3);
    for (const words of [
      [long],
      ["-f", long],
      ["--backend=exec", "-f", long],
      ["run", `--${hostile}`],
      [`--backend=x${hostile}`, "wg0"],
      ["show", `${hostile}y`],
      ["show", "all", hostile],
      ["show", "--watch", `--interval=${hostile}`],
      ["showconf", "wg0", hostile],
      ["syncconf", "wg0", `/no/${hostile}`],
      ["check", `/no/${hostile}`],
      ["help", hostile],
      ["up", `/no/${hostile}/wg0.conf`],
      ["strip", hostile],
      ["metrics", `--listen=${hostile}:1`],
      ["doctor", hostile],
      ["completion", hostile],
    ]) {
      const { status, stdout, stderr } = runBridge(words);
      assert.equal(status, 1);
      const text = (stdout + stderr).replaceAll("\n", "");
      assert.ok(!controls.test(text), JSON.stringify([words, text]));
    }
  });

  it("are printed as codes by check and doctor", () => {
    const path = `/run/${hostile}.conf`;
    writeFileSync(path, "[Interface]\n");
    assert.equal(
      runBridge(["check", path]).stdout,
      "/run/\\x1bc\\x9b31m\\u202ex.conf: no mistakes\n",
    );
    const env = { ...process.env, WIREGUARD_GO_EXECUTABLE: `/no/${hostile}` };
    for (const words of [["doctor"], ["doctor", "--json"]]) {
      const { stdout } = runBridge(words, "", env);
      assert.match(stdout, /(x1b|u001b)c.*31m/);
      assert.ok(!controls.test(stdout.replaceAll("\n", "")));
    }
  });
});

describe("a tunnel whose name has escape sequences", () => {
  onlyInSandbox();
  const name = "\x1b[31mx";
  endLeftTunnels(name);

  it("is logged with codes by both backends", async () => {
    for (const backend of ["ffi", "exec"]) {
      const child = spawn(bridge, ["-f", `--backend=${backend}`, name], {
        env: { ...process.env, LOG_LEVEL: "verbose" },
        stdio: ["ignore", "pipe", "pipe"],
        timeout: 30_000,
      });
      let text = "";
      let stopped = false;
      for await (const piece of child.stdout) {
        text += piece;
        if (stopped || !text.includes("UAPI listener started")) continue;
        stopped = child.kill("SIGTERM");
      }
      assert.match(text, /\(\\x1b\[31mx\)/);
      assert.ok(!controls.test(text.replaceAll("\n", "")));
    }
  });
});
