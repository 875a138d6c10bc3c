import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { nodeFileTrace } from "@vercel/nft";
import { packageRoot, sandboxScript, version } from "../src/artifacts.js";
import { onlyInSandbox } from "./sandbox.js";

// Serverless platforms and Next.js deploy the files that @vercel/nft finds in a program.

const engine = `node_modules/@wg-bridge/linux-${process.arch}`;
const koffi = `node_modules/@koromix/koffi-linux-${process.arch}`;
const program = `import { openTunnel } from "wg-bridge";
  for (const backend of ["ffi", "exec"]) {
    const tunnel = await openTunnel({ name: "wgt0", backend });
    await tunnel.close();
    console.log(tunnel.backend);
  }`;

describe("the files that @vercel/nft finds in a program", () => {
  onlyInSandbox();

  let top = "";

  before(() => {
    top = mkdtempSync(`${tmpdir()}/wg-bridge-traced-`);
  });

  after(() => rmSync(top, { recursive: true }));

  it("contain the engine, and run elsewhere", async () => {
    const project = `${top}/project`;
    for (const path of ["package.json", "dist/src"]) {
      const copy = `${project}/node_modules/wg-bridge/${path}`;
      cpSync(`${packageRoot}/${path}`, copy, { recursive: true });
    }
    mkdirSync(`${project}/${engine}/lib`, { recursive: true });
    writeFileSync(`${project}/${engine}/package.json`, JSON.stringify({ version }));
    for (const name of ["wireguard-go", "wireguard-go-userspace"]) {
      cpSync(`${packageRoot}/build/${name}`, `${project}/${engine}/bin/${name}`);
    }
    const library = "wireguard_go_bridge.so";
    cpSync(`${packageRoot}/build/${library}`, `${project}/${engine}/lib/${library}`);
    cpSync(`${packageRoot}/${koffi}`, `${project}/${koffi}`, { recursive: true });
    writeFileSync(`${project}/main.mjs`, program);

    // As its command line, Next.js and the platforms do, which look at both kinds of module.
    const options = { base: project, processCwd: project, mixedModules: true };
    const { fileList } = await nodeFileTrace([`${project}/main.mjs`], options);
    const found = [...fileList].filter((path) => path.startsWith(engine)).sort();
    assert.deepEqual(found, [
      `${engine}/bin/wireguard-go`,
      `${engine}/bin/wireguard-go-userspace`,
      `${engine}/lib/${library}`,
      `${engine}/package.json`,
    ]);

    const deployed = `${top}/deployed`;
    for (const path of fileList) cpSync(`${project}/${path}`, `${deployed}/${path}`);
    rmSync(project, { recursive: true });
    const args = ["node", `${deployed}/main.mjs`];
    const printed = execFileSync(sandboxScript, args, { encoding: "utf8", timeout: 60_000 });
    assert.equal(printed, "ffi\nexec\n");
  });
});
