import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../src/artifacts.js";
import { commandList } from "../../src/cli/commands.js";
import { bridge } from "../cli/programs.js";
import { onlyInSandbox } from "../sandbox.js";

const preload = fileURLToPath(new URL("other-system.cjs", import.meta.url));

/** What a program can do everywhere, and the codes of what it cannot. */
const program = `
  import * as bridge from "wg-bridge";
  import { decodeChange, decodeStatus, encodeChange, encodeStatus } from "wg-bridge/uapi";
  const { attach, ConfigDocument, formatConfig, listServedInterfaces, openTunnel, parseConfig, PrivateKey } = bridge;
  const key = PrivateKey.generate();
  const peer = PrivateKey.generate().publicKey();
  const text = "[Interface]\\nPrivateKey = " + key.toBase64() + "\\nAddress = 10.0.0.1/24\\n\\n[Peer]\\nPublicKey = " + peer + "\\nEndpoint = [2001:db8::1]:51820\\nAllowedIPs = fd00::/64\\n";
  const config = parseConfig(text);
  const change = decodeChange(encodeChange({ privateKey: key, peers: [{ publicKey: peer, endpoint: "192.0.2.1:1" }] }));
  const status = decodeStatus(encodeStatus({ peers: [], unknown: [] }));
  const codeOf = (promise) => promise.then(() => "none", (error) => error.code + ": " + error.message);
  const { text: read, warnings } = await bridge.readConfigFile(process.argv[1]);
  console.log(JSON.stringify({
    key: key.publicKey() === PrivateKey.from(key.toBase64()).publicKey(),
    config: parseConfig(formatConfig(config)).peers[0].publicKey === peer,
    document: ConfigDocument.parse(text).toString() === text,
    codec: change.peers[0].publicKey === peer && status.peers.length === 0,
    file: read === text || read.length,
    warnings,
    open: await codeOf(openTunnel({ name: "wg0" })),
    attach: await codeOf(attach("wg0")),
    list: await codeOf(listServedInterfaces()),
  }));`;

for (const [system, name] of [
  ["darwin", "macOS"],
  ["win32", "Windows"],
] as const) {
  describe(`on ${name}`, () => {
    onlyInSandbox();

    let directory = "";
    const refused = `wg-bridge opens tunnels on Linux only, and this is ${name}. `;

    before(() => {
      directory = mkdtempSync(`${tmpdir()}/wg-bridge-system-`);
      writeFileSync(`${directory}/wg0.conf`, "[Interface]\n", { mode: 0o644 });
    });

    after(() => rmSync(directory, { recursive: true }));

    function run(args: readonly string[], input = "") {
      const env = { ...process.env, OTHER_SYSTEM: system };
      const words = ["--require", preload, ...args];
      const options = { cwd: packageRoot, env, input, encoding: "utf8", timeout: 60_000 } as const;
      return spawnSync(process.execPath, words, options);
    }

    it("a program can use keys, configurations and the codec, and learns that it cannot open a tunnel", () => {
      const args = ["--input-type=module", "--eval", program, `${directory}/wg0.conf`];
      const { stdout, stderr, status } = run(args);
      assert.equal(stderr, "");
      assert.equal(status, 0);
      const { open, attach, list, warnings, ...worked } = JSON.parse(stdout);
      assert.deepEqual(worked, { key: true, config: true, document: true, codec: true, file: 12 });
      // The modes of files say nothing on Windows.
      assert.equal(warnings.length, 0);
      for (const code of [open, attach, list]) {
        assert.ok(code.startsWith(`WG_BRIDGE_PLATFORM: ${refused}`), code);
      }
    });

    it("the command line makes keys and checks files", () => {
      const key = run([bridge, "genkey"]);
      assert.equal(key.stderr, "");
      assert.match(key.stdout, /^[A-Za-z0-9+/]{43}=\n$/);
      assert.match(run([bridge, "pubkey"], key.stdout).stdout, /^[A-Za-z0-9+/]{43}=\n$/);
      assert.match(run([bridge, "genpsk"]).stdout, /^[A-Za-z0-9+/]{43}=\n$/);
      assert.match(run([bridge, "check", `${directory}/wg0.conf`]).stdout, /: no mistakes\n$/);
      assert.match(run([bridge, "completion", "bash"]).stdout, /wg-bridge/);
      assert.match(run([bridge, "help"]).stdout, /^Usage: /);
      assert.match(run([bridge, "--version"]).stdout, /^wg-bridge v/);
    });

    it("the commands that deal with tunnels say why they cannot", () => {
      const works = new Set(["genkey", "genpsk", "pubkey", "check", "completion", "help"]);
      const refuses = commandList.map(({ name }) => name).filter((each) => !works.has(each));
      for (const command of system === "darwin" ? refuses : ["run", "show"]) {
        const { status, stdout, stderr } = run([bridge, command, "wg0"]);
        assert.equal(stdout, "");
        assert.ok(stderr.startsWith(`wg-bridge: ${refused}`), stderr);
        assert.equal(stderr.split("\n").length, 2);
        assert.equal(status, 1);
      }
    });
  });
}

describe("the declarations of the package", () => {
  it("do not name Koffi, whose declarations are not installed with it", () => {
    const read = new Set<string>();
    const follow = (file: string) => {
      if (read.has(file)) return;
      read.add(file);
      const text = readFileSync(file, "utf8");
      assert.doesNotMatch(text, /koffi/, relative(packageRoot, file));
      for (const [, path = ""] of text.matchAll(/(?:from |import\()"(\.[^"]*)\.js"/g)) {
        follow(`${resolve(dirname(file), path)}.d.ts`);
      }
    };
    for (const entry of ["index", "uapi/index"]) follow(`${packageRoot}/dist/src/${entry}.d.ts`);
    assert.ok(read.size > 20, [...read].join());
  });
});
