import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { openTunnel, type Tunnel } from "../../src/index.js";
import { exchangeOverSocket } from "../../src/uapi/socket.js";
import { endLeftTunnels, interfaceExists, ip, onlyInSandbox } from "../sandbox.js";
import { bridge } from "./programs.js";

let directory = "";
before(() => {
  directory = mkdtempSync(`${tmpdir()}/wg-bridge-output-`);
  writeFileSync(`${directory}/good.conf`, "[Interface]\n");
});
after(() => rmSync(directory, { recursive: true }));

/** Runs a program with redirections by bash; descriptor 4 is a pipe without a reader. */
function runWith(redirections: string, command: readonly string[], env = {}) {
  const script = `mkfifo "$0/pipe"; exec 3<>"$0/pipe" 4>"$0/pipe" 3<&-; rm "$0/pipe"
    exec "$@" ${redirections} 4>&-`;
  return spawnSync("bash", ["-c", script, directory, ...command], {
    input: `${"A".repeat(42)}E=`,
    encoding: "utf8",
    env: { ...process.env, ...env },
    timeout: 30_000,
  });
}

/** A command line of each verb that writes to standard output. */
const writing = [
  [],
  ["--help"],
  ["--version"],
  ["help", "show"],
  ["help", "doctor"],
  ["show"],
  ["show", "wgo0", "dump"],
  ["show", "--json"],
  ["show", "wgo0", "--watch", "--interval=0.1"],
  ["showconf", "wgo0"],
  ["genkey"],
  ["genpsk"],
  ["pubkey"],
  ["check", "good.conf"],
  ["metrics"],
  ["completion", "bash"],
  ["doctor"],
  ["doctor", "--json"],
] as const;

describe("wg-bridge, when its output cannot be written,", () => {
  onlyInSandbox();
  endLeftTunnels("wgo1");

  let tunnel: Tunnel;
  before(async () => {
    tunnel = await openTunnel({ name: "wgo0", backend: "exec" });
  });
  after(() => tunnel.close());

  it("ends silently by SIGPIPE, as wg does, if the reader has gone", () => {
    for (const command of [
      ["wg", "genkey"],
      ...writing.map((words) => [bridge, ...inPlace(words)]),
    ]) {
      const { signal, stderr } = runWith(">&4", command);
      assert.deepEqual([signal, stderr], ["SIGPIPE", ""], command.join(" "));
    }
  });

  it("reports in one sentence that the device is full, and exits with 1", () => {
    for (const words of writing) {
      const { status, stderr } = runWith(">/dev/full", [bridge, ...inPlace(words)]);
      assert.equal(status, 1, words.join(" "));
      assert.match(stderr, /^wg-bridge: Standard output cannot be written \(ENOSPC[^\n]*\n$/);
    }
  });

  it("exits with 0 if standard output is closed, as wg does", () => {
    for (const command of [
      ["wg", "genkey"],
      [bridge, "genkey"],
      [bridge, "show"],
    ]) {
      const { status, stderr } = runWith(">&-", command);
      assert.deepEqual([status, stderr], [0, ""]);
    }
  });

  it("exits as usual if standard error cannot be written", () => {
    for (const redirections of ["2>&4", "2>/dev/full", "2>&-", ">&- 2>&-"]) {
      for (const words of [["show", "wgo9"], ["doctor", "x"], ["a b"]]) {
        const { status, signal } = runWith(redirections, [bridge, ...words]);
        assert.deepEqual([status, signal], [1, null], words.join(" "));
      }
    }
  });

  it("still runs a tunnel if it cannot print a warning", async () => {
    const env = { WIREGUARD_GO_BRIDGE_LIB_PATH: "/no/such/library.so" };
    for (const redirections of [">&4 2>&4", ">/dev/full 2>/dev/full"]) {
      const { status } = runWith(redirections, [bridge, "wgo1"], env);
      assert.equal(status, 0);
      assert.ok(interfaceExists("wgo1"));
      await exchangeOverSocket("wgo1", Buffer.from("get=1\n\n"));
      ip("link", "del", "wgo1");
    }
  });
});

function inPlace(words: readonly string[]): readonly string[] {
  return words.map((word) => (word.endsWith(".conf") ? `${directory}/${word}` : word));
}
