import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { writeFileSync } from "node:fs";

/** Response, recursion desired and available, refused. */
const refused = 0x8185;

/** The resolver of /etc/resolv.conf in this sandbox. It refuses every question, and remembers it. */
export class HostResolver implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (query, { port, address }) => {
      this.asked.push(query.toString("latin1", 12).replaceAll(/[^\w-]+/g, "."));
      const answer = Buffer.from(query);
      answer.writeUInt16BE(refused, 2);
      socket.send(answer, port, address);
    });
  }

  /** @param path of a file that becomes /etc/resolv.conf */
  static async start(path: string): Promise<HostResolver> {
    const socket = createSocket("udp4").bind(53, "127.0.0.1");
    await once(socket, "listening");
    const resolver = new HostResolver(socket);
    writeFileSync(path, "nameserver 127.0.0.1\n");
    execFileSync("mount", ["--bind", path, "/etc/resolv.conf"]);
    // It is the one that programs ask.
    await assert.rejects(lookup("asked.example"));
    assert.match(resolver.asked.splice(0).join(" "), /asked\.example/);
    return resolver;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    execFileSync("umount", ["/etc/resolv.conf"]);
    this.#socket.close();
    await once(this.#socket, "close");
  }
}
