import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { usualOf } from "../../bench/congestion.js";
import { thisMachine } from "../../bench/sandbox/machine.js";
import { inNamespace } from "../suite/commands.js";

/** How long iperf3's server may take to listen, in milliseconds. */
const limit = 10_000;

/**
 * iperf3's server in a namespace, and its clients. Both are killed at the end, because a congested path would delay
 * the results that they exchange.
 */
export class Streams implements AsyncDisposable {
  readonly #address: string;
  readonly #processes: ChildProcess[];

  private constructor(address: string, server: ChildProcess) {
    this.#address = address;
    this.#processes = [server];
  }

  /** Starts the server, and waits until it listens. */
  static async listen(namespace: string, address: string): Promise<Streams> {
    const [ip, ...words] = inNamespace(namespace, "iperf3", "-s", "-B", address, "--forceflush");
    const server = spawn(ip, words, { stdio: ["ignore", "pipe", "ignore"] });
    const streams = new Streams(address, server);
    try {
      await lineWith(server.stdout, "Server listening");
      return streams;
    } catch (error) {
      await streams[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts a client that sends over this many streams until it is killed. */
  send(namespace: string, count: number): void {
    const congestion = usualOf(thisMachine());
    const args = ["-c", this.#address, "-C", congestion, "-P", String(count), "-t", "600"];
    const [ip, ...words] = inNamespace(namespace, "iperf3", ...args);
    this.#processes.push(spawn(ip, words, { stdio: "ignore" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
  }
}

function lineWith(output: Readable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new Error(`iperf3's server did not print ${JSON.stringify(text)}.`));
    const timer = setTimeout(fail, limit);
    createInterface(output)
      .on("line", (line) => {
        if (!line.includes(text)) return;
        clearTimeout(timer);
        resolve();
      })
      .once("close", fail);
  });
}
