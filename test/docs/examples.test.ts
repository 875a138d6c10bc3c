// Runs every example of README and docs, each in its own sandbox, from a checkout that is set up:
//
//   ts       a program that imports the package by its name; `// prints: TEXT` promises a line of output
//   sh       a shell script with wg-bridge on its PATH, in an empty directory
//   ini      a configuration file: checked
//   output   everything that the block before it prints
//   text     not code: a drawing, or the output of an example that is not run
//
// Any other language is refused, and so is a block without one. `<!-- not run: REASON -->` on the line
// before a ts or sh block says why it cannot run; then its types or its syntax are checked. After
// `<!-- with wg0.conf -->` it runs in a directory with that file: see intranet.ts.
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { packageRoot, sandboxScript } from "../../src/artifacts.js";
import { checkConfig } from "../../src/config/parse.js";
import { onlyInSandbox } from "../sandbox.js";
import { type Block, blocksIn, inOrder, promised } from "./blocks.js";

const run = promisify(execFile);
// Below the package, so that "wg-bridge" resolves to this package.
const directory = `${packageRoot}/build/examples`;

const intranet = fileURLToPath(new URL("intranet.js", import.meta.url));

const docs = readdirSync(`${packageRoot}/docs`).filter((file) => file.endsWith(".md"));
const pagesWithExamples = ["README.md", ...docs.map((file) => `docs/${file}`)];
const pages = [...pagesWithExamples, "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];
const blocks = pagesWithExamples.flatMap((page) =>
  blocksIn(page, readFileSync(`${packageRoot}/${page}`, "utf8")),
);

function fileOf({ page, line }: Block): string {
  return `${page.replace(/\W/g, "-")}-${line}`;
}

describe("the examples of the documentation", () => {
  onlyInSandbox();

  before(function () {
    this.timeout(120_000);
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(`${directory}/bin`, { recursive: true });
    symlinkSync(`${packageRoot}/dist/src/cli/main.js`, `${directory}/bin/wg-bridge`);
    const programs = blocks.filter(({ language }) => language === "ts");
    for (const block of programs) writeFileSync(`${directory}/${fileOf(block)}.ts`, block.code);
    const options = "--strict --target es2023 --lib es2023,esnext.disposable --module nodenext";
    const files = programs.map((block) => `${fileOf(block)}.ts`);
    const words = [...options.split(" "), "--types", "node", "--ignoreConfig", ...files];
    const tsc = `${packageRoot}/node_modules/.bin/tsc`;
    const { status, stdout } = spawnSync(tsc, words, { cwd: directory, encoding: "utf8" });
    assert.equal(status, 0, stdout);
  });

  for (const block of blocks) {
    const title = `${block.page}, line ${block.line}`;
    const reason = block.notRun === undefined ? "" : `, and is not run: ${block.notRun}`;
    switch (block.language) {
      case "ts":
        it(`${title}: ${reason === "" ? "prints what it says" : `compiles${reason}`}`, () =>
          reason === "" ? runProgram(block) : undefined);
        break;
      case "sh":
        it(`${title}: ${reason === "" ? "runs" : `is a shell script${reason}`}`, () =>
          reason === "" ? runScript(block) : run("bash", ["-n", "-c", block.code]));
        break;
      case "ini":
        it(`${title}: is a configuration without a mistake`, () => {
          assert.deepEqual(checkConfig(block.code), []);
        });
        break;
      default:
        it(`${title}: is a drawing or output`, () => {
          assert.ok(["text", "output"].includes(block.language), `"${block.language}" is not run`);
          assert.equal(block.notRun, undefined, "a drawing needs no reason");
        });
    }
  }

  it("have output only after the block that prints it", () => {
    const printed = blocks.filter(({ output }) => output !== undefined);
    assert.deepEqual(
      printed.filter(({ language, notRun }) => !isProgram(language) || notRun !== undefined),
      [],
    );
    assert.equal(printed.length, blocks.filter(({ language }) => language === "output").length);
  });
});

function isProgram(language: string): boolean {
  return language === "ts" || language === "sh";
}

/** Runs the command of a block in a sandbox and a directory of its own. */
function runBlock(block: Block, command: readonly string[]) {
  const cwd = `${directory}/${fileOf(block)}`;
  mkdirSync(cwd);
  const env = { ...process.env, PATH: `${directory}/bin:${process.env.PATH}` };
  const beside = block.withConfig ? ["node", intranet] : [];
  return run(sandboxScript, [...beside, ...command], { cwd, env });
}

async function runProgram(block: Block): Promise<void> {
  const { stdout } = await runBlock(block, ["node", `${directory}/${fileOf(block)}.js`]);
  const lines = promised(block.code);
  assert.ok(inOrder(lines, stdout.split("\n")), `${lines.join("\n")}\nis not in\n${stdout}`);
  assertOutput(block, stdout);
}

async function runScript(block: Block): Promise<void> {
  const script = `set -euo pipefail\nexec 2>&1\n${block.code}`;
  const { stdout } = await runBlock(block, ["bash", "-c", script]);
  assertOutput(block, stdout);
}

function assertOutput({ output }: Block, stdout: string): void {
  if (output !== undefined) assert.equal(stdout, output);
}

describe("the links of the documentation", () => {
  onlyInSandbox();

  for (const page of pages) {
    it(`of ${page} lead somewhere`, () => {
      const text = readFileSync(`${packageRoot}/${page}`, "utf8");
      const folder = page.includes("/") ? `${packageRoot}/docs` : packageRoot;
      for (const [, target = ""] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
        assert.ok(existsSync(`${folder}/${target}`), target);
      }
    });
  }
});
