import { mkdirSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { dirname } from "node:path";
import { socketPath } from "../../src/uapi/socket.js";

/** A program that answers every request for an interface's status with the same bytes. */
export class FakeServer implements AsyncDisposable {
  answer: Buffer;
  readonly #server: Server;

  private constructor(answer: Buffer) {
    this.answer = answer;
    this.#server = createServer((connection) => {
      connection.on("error", () => {}); // a client may go at any time
      connection.on("data", () => connection.write(this.answer));
    });
  }

  static async start(name: string, answer: Buffer): Promise<FakeServer> {
    mkdirSync(dirname(socketPath(name)), { recursive: true });
    const fake = new FakeServer(answer);
    await new Promise<void>((resolve) => fake.#server.listen(socketPath(name), resolve));
    return fake;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
