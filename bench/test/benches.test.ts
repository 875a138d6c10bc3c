import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { packageRoot } from "../../src/artifacts.js";
import { onlyInSandbox } from "../../test/sandbox.js";
import { importing } from "../import.js";
import { library } from "../library.js";
import { openClose } from "../open-close.js";
import type { Result } from "../result.js";
import { startUp } from "../start-up.js";
import { userspace } from "../userspace/userspace.js";

const main = `${packageRoot}/dist/bench/main.js`;

function run(...args: readonly string[]): Promise<{ status: number; stdout: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [main, ...args], (_error, stdout) =>
      resolve({ status: child.exitCode ?? -1, stdout }),
    );
  });
}

describe("npm run bench", () => {
  onlyInSandbox();

  it("lists the benchmarks for --help and for an unknown name", async () => {
    const { status, stdout } = await run("--help");
    assert.equal(status, 0);
    for (const { name, description } of [startUp, library, importing, openClose, userspace]) {
      assert.ok(stdout.includes(`${name.padEnd(10)}  ${description}`), name);
    }
    assert.deepEqual(await run("library2"), { status: 1, stdout });
  });

  for (const args of [["start-up"], ["import"], ["library", "--only=status-1000"]] as const) {
    it(`measures every figure of every program: ${args.join(" ")}`, async function () {
      this.timeout(300_000);
      const { stdout } = await run(...args, "--rounds=1", "--json");
      const { programs, figures, goals }: Result = JSON.parse(stdout);
      assert.deepEqual(
        programs.map(({ failures }) => failures),
        programs.map(() => []),
      );
      assert.ok(figures.length > 0 && goals.length > 0);
      for (const { id, programs: own } of figures) {
        for (const { name } of programs) assert.ok((own[name]?.median ?? 0) > 0, `${id}, ${name}`);
      }
    });
  }

  it("measures userspace tunnels, each leg of the programs that it is for", async function () {
    this.timeout(300_000);
    const only = "--only=slow-path,connections";
    const { stdout } = await run("userspace", only, "--rounds=1", "--json");
    const { programs, figures }: Result = JSON.parse(stdout);
    assert.deepEqual(
      programs.map(({ failures }) => failures),
      programs.map(() => []),
    );
    const clients = ["tun", "upstream", "netstack"];
    const nodes = ["tun", "exec", "ffi"];
    assert.ok(figures.length > 0);
    for (const { id, programs: own } of figures) {
      const expected = id === "connections" ? nodes : clients;
      assert.deepEqual(Object.keys(own), expected, id);
      for (const name of expected) assert.ok((own[name]?.median ?? 0) > 0, `${id}, ${name}`);
    }
  });
});
