import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { packageRoot, sandboxScript } from "../src/artifacts.js";
import { abiVersion } from "../src/backends/ffi/loading.js";
import { onlyInSandbox } from "./sandbox.js";

// Below the package, so that the copies find its dependencies.
const copies = `${packageRoot}/build/copies`;

/** Installs another copy of the package, with its own library file, and returns its directory. */
function install(name: string): string {
  const root = `${copies}/${name}`;
  mkdirSync(`${root}/build`, { recursive: true });
  for (const file of ["package.json", "dist/src", "build/wireguard-go"]) {
    cpSync(`${packageRoot}/${file}`, `${root}/${file}`, { recursive: true });
  }
  cpSync(`${packageRoot}/build/wireguard_go_bridge.so`, `${root}/build/wireguard_go_bridge.so`);
  return root;
}

/** Returns a command that runs a program in which `one` is the package and `two` its copy. */
function commandOf(two: string, program: string): readonly string[] {
  const code = `import * as one from "${packageRoot}/dist/src/index.js";
    import * as two from "${two}/dist/src/index.js";
    import { readFileSync } from "node:fs";
    const libraries = () => new Set(readFileSync("/proc/self/maps", "utf8").match(/\\S+wireguard_go_bridge\\.so/g));
    ${program}`;
  return ["node", "--input-type=module", "--eval", code];
}

// In a process of its own, because a loaded library stays loaded.
function run(two: string, program: string): string {
  const options = { encoding: "utf8", timeout: 60_000 } as const;
  return execFileSync(sandboxScript, commandOf(two, program), options);
}

describe("two copies of the package in one process", () => {
  onlyInSandbox();

  let copy = "";

  before(() => {
    rmSync(copies, { recursive: true, force: true });
    copy = install("same");
  });

  after(() => rmSync(copies, { recursive: true, force: true }));

  it("recognise each other's errors, by their own classes only", () => {
    const answer = run(
      copy,
      `const thrown = (act) => { try { act() } catch (error) { return error } };
       const key = thrown(() => one.PrivateKey.from(""));
       const config = thrown(() => one.parseConfig("["));
       class Own extends two.WgBridgeError {}
       console.log(key instanceof two.WgBridgeError, config instanceof two.WgBridgeError, config instanceof two.ConfigError);
       console.log(key instanceof two.ConfigError, key instanceof Own, new Error("") instanceof two.WgBridgeError, null instanceof two.WgBridgeError);
       console.log(new Own("WG_BRIDGE_KEY", "") instanceof Own, new Own("WG_BRIDGE_KEY", "") instanceof one.WgBridgeError);`,
    );
    assert.equal(answer, "true true true\nfalse false false false\ntrue true\n");
  });

  it("recognise and compare each other's keys", () => {
    const answer = run(
      copy,
      `const bytes = Buffer.alloc(32, 255);
       const [a, b] = [one, two].map(({ PrivateKey }) => PrivateKey.from(bytes));
       const clamped = two.PrivateKey.from(Buffer.from([248, ...Array(30).fill(255), 127]));
       const [c, d] = [one, two].map(({ PresharedKey }) => PresharedKey.from(bytes));
       console.log(a.equals(b), a.equals(clamped), c.equals(d), a.equals(two.PrivateKey.generate()), c.equals(two.PresharedKey.generate()));
       console.log(a instanceof two.PrivateKey, c instanceof two.PresharedKey, a instanceof two.PresharedKey, c instanceof two.PrivateKey);`,
    );
    assert.equal(answer, "true true true false false\ntrue true false false\n");
  });

  it("share the library that was loaded first, so that there is one Go runtime", () => {
    const answer = run(
      copy,
      `for (const { openTunnel, PrivateKey } of [one, two]) {
         const privateKey = one.PrivateKey.generate();
         const tunnel = await openTunnel({ name: "wgc%d", backend: "ffi", config: { privateKey, peers: [] } });
         const status = await tunnel.status();
         console.log(tunnel.backend, privateKey.equals(status.privateKey), status.privateKey instanceof PrivateKey);
         await tunnel.close();
       }
       console.log(libraries().size);`,
    );
    assert.equal(answer, "ffi true true\nffi true true\n1\n");
  });

  it("share no library if the second needs another ABI: it says so, and auto falls back on exec", () => {
    const other = install("other-abi");
    const abi = `${other}/dist/src/backends/ffi/loading.js`;
    writeFileSync(abi, readFileSync(abi, "utf8").replace(`"${abiVersion}"`, '"2.0.0"'));
    const answer = run(
      other,
      `const open = ({ openTunnel }, backend) => openTunnel({ name: "wgc%d", backend }).then(
         (tunnel) => tunnel.backend + ": " + tunnel.reason, (error) => error.code + ": " + error.message);
       console.log(await open(one, "ffi"));
       console.log(await open(two, "ffi"));
       console.log(await open(two, "auto"));
       console.log(libraries().size);
       process.exit();`,
    );
    const reason = `The library ${packageRoot}/build/wireguard_go_bridge\\.so has ABI version "${abiVersion}", .*Another copy of wg-bridge .*`;
    assert.match(
      answer,
      new RegExp(
        `^ffi: .*\nWG_BRIDGE_LIBRARY_ABI: ${reason}\nexec: auto falls back on exec: ${reason}\n1\n$`,
      ),
    );
  });

  it("let a signal end the process even if both hold tunnels", () => {
    const program = `for (const { openTunnel } of [one, two]) await openTunnel({ name: "wgc%d", backend: "exec" });
      console.log("open");
      process.kill(process.pid, "SIGTERM");
      setTimeout(() => process.exit(0), 30_000);`;
    const { status, stdout } = spawnSync(sandboxScript, commandOf(copy, program), {
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.equal(stdout, "open\n");
    assert.equal(status, 128 + 15);
  });
});
