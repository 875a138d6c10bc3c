import { execFile, spawnSync } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { packageRoot } from "../../src/artifacts.js";
import { publishedPackages, tarballOf } from "./published.js";

const execute = promisify(execFile);

/** The file in a project that opens tunnels: see pinger.ts. */
export const pinger = "pinger.mjs";

/** Time limits, in milliseconds. */
const installLimit = 300_000;
const scriptLimit = 900_000;

/** A project that depends on the packages of build/packages. It is deleted when it is disposed of. */
export class Project implements AsyncDisposable {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Makes a project as npm installs it on a machine with this processor. */
  static async make(arch: string): Promise<Project> {
    // Not below this package, whose own node_modules its programs would find.
    const project = new Project(await mkdtemp(join(tmpdir(), `wg-bridge-${arch}-`)));
    try {
      await project.#install(arch);
      return project;
    } catch (error) {
      await project[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #install(arch: string): Promise<void> {
    const files = publishedPackages().map((name) => [name, `file:${tarballOf(name)}`]);
    const isMain = ([name]: readonly string[]) => name === "wg-bridge";
    const manifest = {
      private: true,
      dependencies: Object.fromEntries(files.filter(isMain)),
      // All are named, so that npm chooses, and asks no registry for one that is not published yet.
      optionalDependencies: Object.fromEntries(files.filter((file) => !isMain(file))),
    };
    await writeFile(`${this.directory}/package.json`, JSON.stringify(manifest));
    const words = ["install", "--os=linux", `--cpu=${arch}`, "--no-audit", "--no-fund"];
    await execute("npm", words, { cwd: this.directory, timeout: installLimit });
    const program = fileURLToPath(new URL("pinger.js", import.meta.url));
    await cp(program, `${this.directory}/${pinger}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Runs a script that downloads something once, and returns the path that it prints. If it cannot, neither can we. */
export function pathFrom(script: string, ...args: readonly string[]): string {
  const { status, stdout } = spawnSync(`${packageRoot}/scripts/${script}`, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    timeout: scriptLimit,
  });
  if (status === 0) return stdout.trimEnd();
  console.log(`scripts/${script} ${args.join(" ")} failed`);
  process.exit(status ?? 1);
}
