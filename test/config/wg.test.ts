import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { formatShowconf } from "../../src/cli/show/conf.js";
import { readConfigFile } from "../../src/config/file.js";
import { formatConfig } from "../../src/config/format.js";
import { checkConfig } from "../../src/config/parse.js";
import { openTunnel, type Tunnel } from "../../src/index.js";
import { onlyInSandbox } from "../sandbox.js";
import { configs } from "./arbitrary.js";

const key = `${"A".repeat(42)}E=`;

describe("a configuration file, beside the real wg", () => {
  onlyInSandbox();
  let directory = "";
  let tunnel: Tunnel;

  before(async () => {
    directory = mkdtempSync(`${tmpdir()}/config-`);
    tunnel = await openTunnel({ name: "wgc0", backend: "exec" });
  });

  after(async () => {
    await tunnel.close();
    rmSync(directory, { recursive: true });
  });

  function file(text: string, mode = 0o600): string {
    const path = `${directory}/wgc0.conf`;
    rmSync(path, { force: true });
    writeFileSync(path, text, { mode });
    return path;
  }

  /** Whether wg takes the file. */
  function setconf(text: string): boolean {
    return spawnSync("wg", ["setconf", "wgc0", file(text)]).status === 0;
  }

  it("means to us what it means to wg", async () => {
    await fc.assert(
      fc.asyncProperty(configs, async (config) => {
        const stripped = spawnSync("wg-quick", ["strip", file(formatConfig(config))]);
        assert.equal(stripped.status, 0, stripped.stderr.toString());
        assert.ok(setconf(stripped.stdout.toString()));
        const fromWg = await tunnel.status();
        await tunnel.apply(formatConfig(config));
        // Nothing is left to change: both mean the same, but for a port that nobody asked for.
        const sorted = (text: string) => text.split("\n").toSorted().join("\n");
        assert.equal(sorted(formatShowconf(await tunnel.status())), sorted(formatShowconf(fromWg)));
      }),
      { numRuns: 20 },
    );
  });

  const peer = `[Peer]\nPublicKey = ${key}\n`;
  const corpus = [
    "",
    "[Interface]\n",
    "[INTERFACE]\nlistenport=5\n",
    "[Interface]\nListenPort = x\n",
    "[Interface]\nFwMark = off\n",
    "[Interface]\nFwMark = OFF\n",
    "[Interface]\nFwMark = 0xffffffff\n",
    "[Interface]\nFwMark = 0x1ffffffff\n",
    "[Interface]\nFwMark = 4294967296\n",
    "[Interface]\nFwMark = -1\n",
    `[Interface]\nPrivateKey = ${key}\n`,
    `[Interface]\nPrivateKey = ${key.slice(1)}\n`,
    `[Interface]\nPrivateKey = ${"A".repeat(42)}B=\n`,
    `[Interface]\nPrivateKey = ${Buffer.from(key, "base64").toString("hex")}\n`,
    "[Interface]\nColour = red\n",
    "ListenPort = 5\n",
    "[Else]\n",
    "[Interface\n",
    "[Interface]\nListenPort\n",
    "[Interface]\nListenPort = 5 # five\n",
    peer,
    "[Peer]\nAllowedIPs = 10.0.0.0/8\n",
    `${peer}AllowedIPs = \n`,
    `${peer}AllowedIPs = 10.0.0.0/8, fd00::/8\n`,
    `${peer}AllowedIPs = 10.0.0.0/33\n`,
    `${peer}AllowedIPs = 10.0.0.0/\n`,
    `${peer}AllowedIPs = 10.0.0/8\n`,
    `${peer}AllowedIPs = 10.0.0.1\n`,
    `${peer}AllowedIPs = ::/129\n`,
    `${peer}AllowedIPs = 10.0.0.0/8,,10.1.0.0/16\n`,
    `${peer}Endpoint = 192.0.2.1:5\n`,
    `${peer}Endpoint = [2001:db8::1]:5\n`,
    `${peer}Endpoint = 192.0.2.1\n`,
    `${peer}Endpoint = :5\n`,
    `${peer}Endpoint = [2001:db8::1\n`,
    `${peer}PersistentKeepalive = off\n`,
    `${peer}PersistentKeepalive = 65535\n`,
    `${peer}PersistentKeepalive = 65536\n`,
    `${peer}PersistentKeepalive = -1\n`,
    `${peer}PresharedKey = ${key}\n`,
    `${peer}PresharedKey = short\n`,
    `${peer}PrivateKey = ${key}\n`,
    `${peer}${peer}`,
  ];
  for (const text of corpus) {
    it(`is taken or refused as wg does it: ${JSON.stringify(text)}`, () => {
      assert.equal(checkConfig(text).length === 0, setconf(text));
    });
  }

  it("is refused with a port that is too large, which wg takes for 0", () => {
    const text = "[Interface]\nListenPort = 65536\n";
    assert.equal(checkConfig(text).length, 1);
    assert.ok(setconf(text));
  });

  it("is warned about where others may read it, as wg-quick does", async () => {
    for (const [mode, warned] of [
      [0o600, 0],
      [0o644, 1],
      [0o640, 0],
    ] as const) {
      // The directory has to let others in as well.
      const path = file("[Interface]\n", mode);
      spawnSync("chmod", ["755", directory]);
      const { text, warnings } = await readConfigFile(path);
      assert.equal(text, "[Interface]\n");
      assert.equal(warnings.length, warned);
      const { stderr } = spawnSync("wg-quick", ["strip", path]);
      assert.equal(stderr.includes("world accessible"), warned === 1);
      spawnSync("chmod", ["700", directory]);
      assert.deepEqual((await readConfigFile(path)).warnings, []);
    }
    await assert.rejects(readConfigFile(`${directory}/none`), /cannot be read/);
  });
});
