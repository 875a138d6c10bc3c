import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { openTunnel, PrivateKey } from "../../src/index.js";
import { exchangeOverSocket } from "../../src/uapi/socket.js";
import { endLeftTunnels, onlyInSandbox } from "../sandbox.js";

describe("secrets", () => {
  onlyInSandbox();
  endLeftTunnels("wgk0");

  it("are in no argument, environment, log, error or file", async () => {
    const privateKey = PrivateKey.generate();
    const secrets = [privateKey.toBase64(), privateKey.toHex()];
    const said: string[] = [];
    const temporary = mkdtempSync(`${tmpdir()}/secrets-`);
    process.env.TMPDIR = temporary;
    for (const backend of ["ffi", "exec"] as const) {
      await using tunnel = await openTunnel({ name: "wgk0", backend, logLevel: "verbose" });
      tunnel.events.on("log", (line) => said.push(line));
      await tunnel.apply({ privateKey, peers: [] });
      const bad = `[Interface]\nPrivateKey = ${secrets[0]}x\n${secrets[0]}\n[${secrets[0]}]\nPresharedKey=${secrets[0]}\n`;
      await assert.rejects(tunnel.apply(bad), (error) => {
        said.push(
          String(error),
          JSON.stringify(error),
          error instanceof Error ? `${error.stack}` : "",
        );
        return true;
      });
      await exchangeOverSocket("wgk0", Buffer.from(`set=1\nprivate_key ${secrets[1]}\n\n`));
      for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
        for (const file of ["cmdline", "environ"]) said.push(readProc(`/proc/${pid}/${file}`));
      }
      for (const file of readdirSync(temporary))
        said.push(readFileSync(`${temporary}/${file}`, "latin1"));
    }
    for (const secret of secrets) {
      assert.ok(!said.some((text) => text.includes(secret)), "a secret was said");
    }
    assert.ok(
      said.some((line) => line.includes("failed to parse line")),
      "the log was not heard",
    );
  });
});

function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the process has ended
  }
}
