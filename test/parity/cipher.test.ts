import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { openTunnel } from "../../src/index.js";
import { readCipher } from "../../src/uapi/about.js";
import { exchangeOverSocket } from "../../src/uapi/socket.js";
import { bridge } from "../cli/programs.js";
import { endLeftTunnels, ip, onlyInSandbox } from "../sandbox.js";
import { ours, programs, Running } from "./programs.js";

/** What x/crypto's own code uses on this machine, as any engine without AVX-512 says. */
const own = /^(AVX2|NEON|VSX|VX|LSX|generic)$/;

/** What go/aead needs, by the kernel's names. */
const needed = ["avx2", "avx512f", "avx512vl", "avx512bw", "avx512dq", "avx512ifma", "bmi2"];

/** Whether the kernel says that this processor has all of it. */
function hasAvx512(): boolean {
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" ");
  return needed.every((flag) => flags?.includes(flag));
}

async function cipherOf(name: string): Promise<string | undefined> {
  return readCipher((request) => exchangeOverSocket(name, request));
}

/** The cipher in what show --json prints. */
function shownCipher(name: string): unknown {
  const env = { ...process.env, WG_BRIDGE_DISABLE: "avx512" }; // which is the engine's, not the asking program's
  return JSON.parse(execFileSync(bridge, ["show", name, "--json"], { env, encoding: "utf8" }))[name]
    .cipher;
}

describe("the cipher of a tunnel", () => {
  onlyInSandbox();
  endLeftTunnels("wg1", "wg2");

  for (const backend of ["ffi", "exec"] as const) {
    it(`is said by its engine on ${backend}`, async () => {
      await using _tunnel = await openTunnel({ name: "wg1", backend });
      const cipher = await cipherOf("wg1");
      if (hasAvx512()) assert.equal(cipher, "AVX-512");
      else assert.match(cipher ?? "", own);
      assert.equal(shownCipher("wg1"), cipher);
    });

    it(`is x/crypto's own without avx512 on ${backend}`, async () => {
      await using _tunnel = await openTunnel({ name: "wg1", backend, disable: ["avx512"] });
      assert.match((await cipherOf("wg1")) ?? "", own);
    });
  }

  it("is x/crypto's own on ffi only while a tunnel of the process does without avx512", async () => {
    await using _tunnel = await openTunnel({ name: "wg1", backend: "ffi" });
    const cipher = await cipherOf("wg1");
    const other = await openTunnel({ name: "wg2", backend: "ffi", disable: ["avx512"] });
    assert.match((await cipherOf("wg1")) ?? "", own);
    await other.close();
    assert.equal(await cipherOf("wg1"), cipher);
  });

  for (const program of programs) {
    it(`is ${program.ours ? "logged, and shown" : "not known, and shown as null"} if ${program.title} runs it`, async () => {
      const running = await new Running(program, ["-f", "wg1"], { LOG_LEVEL: "verbose" }).answers(
        "wg1",
      );
      const cipher = await cipherOf("wg1");
      assert.equal(shownCipher("wg1"), cipher ?? null);
      ip("link", "del", "wg1");
      const { stdout } = await running.ended;
      const logged = /^DEBUG: \(wg1\) .*ChaCha20-Poly1305: (\S+)$/m.exec(stdout)?.[1];
      assert.equal(logged, cipher);
      assert.equal(cipher !== undefined, program.ours);
    });
  }

  for (const program of ours) {
    it(`is x/crypto's own if ${program.title} runs it without avx512`, async () => {
      const settings = { WG_BRIDGE_DISABLE: "avx512" };
      const running = await new Running(program, ["-f", "wg1"], settings).answers("wg1");
      assert.match((await cipherOf("wg1")) ?? "", own);
      ip("link", "del", "wg1");
      await running.ended;
    });
  }
});
