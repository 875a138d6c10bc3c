import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import type { Installer } from "./installer.js";
import { type Manifest, readManifest } from "./publication.js";

/** How long a command may take on a busy machine, in milliseconds. */
const limit = 300_000;

const program = fileURLToPath(new URL("program.js", import.meta.url));

/** How a command ended, and all that it printed. */
export interface Ended {
  readonly status: number;
  readonly output: string;
}

/** A package in a project's tree. */
export interface Installed {
  readonly directory: string;
  readonly manifest: Manifest;
}

/** An empty project, with a home directory and caches of its own. */
export class Project implements Disposable {
  readonly directory: string;
  readonly installer: Installer;
  readonly #top: string;

  constructor(installer: Installer, registry: string, manifest: object = {}) {
    this.installer = installer;
    this.#top = mkdtempSync(`${tmpdir()}/installers-`);
    this.directory = `${this.#top}/project`;
    mkdirSync(this.directory);
    mkdirSync(this.#home);
    this.writeManifest(manifest);
    this.write(".npmrc", `registry=${registry}\n`);
    for (const [file, text] of Object.entries(installer.files?.(registry) ?? {})) {
      this.write(file, text);
    }
    copyFileSync(program, `${this.directory}/program.mjs`);
  }

  get #home(): string {
    return `${this.#top}/home`;
  }

  /** Writes a package.json without dependencies. */
  writeManifest(more: object = {}): void {
    this.write("package.json", JSON.stringify({ name: "project", private: true, ...more }));
  }

  write(file: string, text: string): void {
    writeFileSync(`${this.directory}/${file}`, text);
  }

  append(file: string, text: string): void {
    appendFileSync(`${this.directory}/${file}`, text);
  }

  /** Runs a command with an environment of its own. */
  run([command = "", ...args]: readonly string[]): Promise<Ended> {
    const env = {
      PATH: `${this.installer.node}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      HOME: this.#home,
      // As root, Yarn 1 keeps its cache outside of the home directory.
      YARN_CACHE_FOLDER: `${this.#home}/yarn`,
      NO_COLOR: "1",
    };
    return new Promise((resolve) => {
      const options = { cwd: this.directory, env, timeout: limit };
      execFile(command, args, options, (error, stdout, stderr) => {
        const output = stdout + stderr;
        if (error === null) resolve({ status: 0, output });
        else if (typeof error.code === "number") resolve({ status: error.code, output });
        else resolve({ status: 128, output: `${output}${error.message}\n` });
      });
    });
  }

  /** Runs the installer, and fails unless it succeeds. Returns what it printed. */
  async install(words: readonly string[]): Promise<string> {
    const { status, output } = await this.run([...this.installer.command, ...words]);
    assert.equal(status, 0, output);
    return output;
  }

  /** Opens tunnels with the installed package on each backend; returns what program.ts prints. */
  runProgram(...backends: readonly string[]): Promise<Ended> {
    return this.run([...(this.installer.runNode ?? ["node"]), "program.mjs", ...backends]);
  }

  /** Removes what was installed, and keeps the lock file. */
  removeInstalled(): void {
    for (const name of ["node_modules", ".yarn", ".pnp.cjs", ".pnp.loader.mjs"]) {
      rmSync(`${this.directory}/${name}`, { recursive: true, force: true });
    }
  }

  /** Finds every package whose files are in the project. */
  findInstalled(): readonly Installed[] {
    // With file types, symbolic links are not followed: pnpm's and Deno's lead to the same packages again.
    return readdirSync(this.directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name === "package.json")
      .map(({ parentPath }) => parentPath)
      .filter((path) => /\/node_modules\/(@[^/]+\/)?[^/@]+$/.test(path))
      .map((directory) => ({ directory, manifest: readManifest(directory) }));
  }

  /** Measures the project's files and directories, in bytes. */
  size(): number {
    return Number.parseInt(execFileSync("du", ["-sb", this.directory], { encoding: "utf8" }), 10);
  }

  [Symbol.dispose](): void {
    rmSync(this.#top, { recursive: true });
  }
}
