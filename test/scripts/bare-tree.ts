import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { packageRoot } from "../../src/artifacts.js";
import { findProgram } from "../../src/doctor/tools.js";

/** How a script ended. */
export interface ScriptRun {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A copy of some of this project's files, with a PATH that holds only the programs that a test puts there. */
export class BareTree {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /**
   * @param files the files to copy, as paths in the project
   * @param programs programs of this machine that the script may use
   */
  static async make(files: readonly string[], programs: readonly string[]): Promise<BareTree> {
    const tree = new BareTree(await mkdtemp(`${tmpdir()}/tree-`));
    // Some tests run a script as another user.
    await chmod(tree.root, 0o755);
    await mkdir(`${tree.root}/bin`);
    await mkdir(`${tree.root}/scripts`);
    for (const file of files) await copyFile(`${packageRoot}/${file}`, `${tree.root}/${file}`);
    for (const name of programs) {
      await symlink(findProgram(name, process.env) ?? name, `${tree.root}/bin/${name}`);
    }
    return tree;
  }

  /** Puts a program on the PATH. */
  async addProgram(name: string, script: string): Promise<void> {
    await writeFile(`${this.root}/bin/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** Runs a command in the root, with only PATH in its environment. */
  run(...[program = "", ...args]: string[]): Promise<ScriptRun> {
    const options = { cwd: this.root, env: { PATH: `${this.root}/bin` } };
    return new Promise((resolve) => {
      const child = execFile(program, args, options, (_error, stdout, stderr) =>
        resolve({ status: child.exitCode ?? 128, stdout, stderr }),
      );
    });
  }

  remove(): Promise<void> {
    return rm(this.root, { recursive: true });
  }
}
