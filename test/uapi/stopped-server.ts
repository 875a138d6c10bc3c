import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { dirname } from "node:path";
import { systemCodeOf } from "../../src/errors.js";
import { socketPath } from "../../src/uapi/socket.js";
import { stopProcess } from "../processes.js";

const script = `require("node:net").createServer().listen(
  { path: process.argv[1], backlog: 20 },
  () => process.stdout.write("listening"),
)`;

/** More connections than that backlog keeps. */
const most = 30;

/** A program that serves an interface's socket, and is stopped: it takes connections, and answers nothing. */
export class StoppedServer implements AsyncDisposable {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #connections: Socket[] = [];

  private constructor(name: string, process: ChildProcess) {
    this.#name = name;
    this.#process = process;
  }

  static async start(name: string): Promise<StoppedServer> {
    mkdirSync(dirname(socketPath(name)), { recursive: true });
    const child = spawn(process.execPath, ["-e", script, socketPath(name)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout, "data");
    assert.ok(child.pid);
    await stopProcess(child.pid);
    return new StoppedServer(name, child);
  }

  /** Connects until the kernel keeps no more connections. */
  async fill(): Promise<void> {
    for (let count = 0; count < most; count++) {
      const connection = connect(socketPath(this.#name));
      this.#connections.push(connection);
      const failed = await new Promise<unknown>((resolve) => {
        connection.once("connect", () => resolve(undefined));
        connection.on("error", resolve);
      });
      if (failed === undefined) continue;
      assert.equal(systemCodeOf(failed), "EAGAIN");
      return;
    }
    assert.fail("The queue of connections is not full.");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    const exited = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exited;
    rmSync(socketPath(this.#name), { force: true });
  }
}
