// Runs every example of README and docs, each in a sandbox of its own: "ts" as a program that imports
// the package by its name, "sh" as a shell script with wg-bridge on its PATH, "ini" as a configuration
// file to be checked. "// prints: TEXT" promises a line of output.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { packageRoot, sandboxScript } from "../../src/artifacts.js";
import { checkConfig } from "../../src/config/parse.js";
import { type Block, blocksOf, pages, promised } from "./blocks.js";

const run = promisify(execFile);
// Below the package, so that its name means this package.
const directory = `${packageRoot}/build/examples`;

const blocks = pages().flatMap(blocksOf);
const programs = blocks.filter(({ language, notRun }) => language === "ts" && !notRun);

function fileOf({ page, line }: Block): string {
  return `${page.replace(/\W/g, "-")}-${line}`;
}

describe("the examples of the documentation", () => {
  before(function () {
    this.timeout(120_000);
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(`${directory}/bin`, { recursive: true });
    symlinkSync(`${packageRoot}/dist/src/cli/main.js`, `${directory}/bin/wg-bridge`);
    for (const block of programs) writeFileSync(`${directory}/${fileOf(block)}.ts`, block.code);
    const options = "--strict --target es2023 --lib es2023,esnext.disposable --module nodenext";
    const files = programs.map((block) => `${fileOf(block)}.ts`);
    const words = [...options.split(" "), "--types", "node", "--ignoreConfig", ...files];
    execFileSync(`${packageRoot}/node_modules/.bin/tsc`, words, { cwd: directory });
  });

  for (const block of blocks) {
    const { page, line, language, notRun } = block;
    const title = `${page}, line ${line}`;
    switch (language) {
      case "ts":
        if (notRun === undefined)
          it(`${title}: runs, and prints what it says`, () => runProgram(block));
        break;
      case "sh":
        if (notRun === undefined) it(`${title}: runs`, () => runScript(block));
        break;
      case "ini":
        it(`${title}: is a configuration without a mistake`, () => {
          assert.deepEqual(checkConfig(block.code), []);
        });
        break;
      default:
        it(`${title}: is no example of a language that nobody runs`, () => {
          assert.equal(language, "");
        });
    }
  }
});

async function runProgram(block: Block): Promise<void> {
  const { stdout } = await run(sandboxScript, ["node", `${directory}/${fileOf(block)}.js`]);
  const lines = stdout.split("\n");
  for (const text of promised(block))
    assert.ok(lines.includes(text), `${text}\nis not in\n${stdout}`);
}

async function runScript(block: Block): Promise<void> {
  const work = `${directory}/${fileOf(block)}`;
  mkdirSync(work);
  const env = { ...process.env, PATH: `${directory}/bin:${process.env.PATH}` };
  const script = `set -euo pipefail\n${block.code}`;
  await run(sandboxScript, ["bash", "-c", script], { cwd: work, env });
}

describe("the links of the documentation", () => {
  for (const page of pages()) {
    it(`of ${page} lead somewhere`, () => {
      const text = readFileSync(`${packageRoot}/${page}`, "utf8");
      const folder = page.includes("/") ? `${packageRoot}/docs` : packageRoot;
      for (const [, target = ""] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
        assert.ok(existsSync(`${folder}/${target}`), target);
      }
    });
  }
});
