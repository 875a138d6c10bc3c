import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/**
 * Binds the address argv[2], a path or "@" and an abstract name, and prints one line for each datagram: its sender,
 * as the kernel vouches for it, and its text. As "send" it sends argv[3] instead. Node.js has no such sockets.
 */
const datagrams = `
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
int main(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, argv[2], sizeof address.sun_path - 1);
  socklen_t size = offsetof(struct sockaddr_un, sun_path) + strlen(address.sun_path);
  if (address.sun_path[0] == '@') address.sun_path[0] = 0;
  int on = 1, fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (strcmp(argv[1], "send") == 0)
    return sendto(fd, argv[3], strlen(argv[3]), 0, (struct sockaddr *)&address, size) < 0;
  if (bind(fd, (struct sockaddr *)&address, size) != 0) return 98;
  if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) return 97;
  for (puts("listening"), fflush(stdout);; fflush(stdout)) {
    char text[4096], control[CMSG_SPACE(sizeof(struct ucred))];
    struct iovec into = {text, sizeof text};
    struct msghdr message = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t length = recvmsg(fd, &message, 0);
    if (length < 0) return 96;
    struct ucred sender;
    memcpy(&sender, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof sender);
    for (ssize_t i = 0; i < length; i++)
      if (text[i] == '\\n') text[i] = '\\t';
    printf("%d %.*s\\n", sender.pid, (int)length, text);
  }
}
`;

/** One datagram. */
export interface Notification {
  readonly pid: number;
  /** The fields, one after another. */
  readonly text: string;
}

/** What systemd does for the tests: it listens at NOTIFY_SOCKET. */
export class ServiceManager {
  readonly #directory: string;
  readonly #program: string;
  readonly #addresses = new Map<string, Listener>();

  constructor() {
    this.#directory = mkdtempSync(join(tmpdir(), "wg-bridge-notify-"));
    this.#program = join(this.#directory, "datagrams");
    writeFileSync(`${this.#program}.c`, datagrams);
    execFileSync("gcc", ["-o", this.#program, `${this.#program}.c`]);
  }

  /** Listens at a path of its own, or at an abstract name. */
  async listen(abstract = false): Promise<Listener> {
    const name = `notify-${this.#addresses.size}`;
    const address = abstract ? `@wg-bridge-${process.pid}-${name}` : join(this.#directory, name);
    const listener = new Listener(this.#program, address);
    this.#addresses.set(address, listener);
    await listener.listens();
    return listener;
  }

  close(): void {
    for (const listener of this.#addresses.values()) listener.process.kill();
    rmSync(this.#directory, { recursive: true });
  }
}

/** One address at which notifications arrive. */
export class Listener {
  readonly process: ChildProcess;
  readonly address: string;
  readonly #program: string;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string, address: string) {
    this.#program = program;
    this.address = address;
    const child = spawn(program, ["listen", address], { stdio: ["ignore", "pipe", "inherit"] });
    this.process = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async #line(): Promise<string> {
    const { done, value } = await this.#lines.next();
    assert.ok(!done, "the listener has ended");
    return value;
  }

  async listens(): Promise<void> {
    assert.equal(await this.#line(), "listening");
  }

  async next(): Promise<Notification> {
    const [, pid, text = ""] = /^(\d+) (.*)$/.exec(await this.#line()) ?? [];
    return { pid: Number(pid), text: text.replaceAll("\t", "\n") };
  }

  /** Asserts that nothing has arrived that was not read. */
  async assertNoMore(): Promise<void> {
    execFileSync(this.#program, ["send", this.address, "NO_MORE=1"]);
    assert.equal((await this.next()).text, "NO_MORE=1");
  }
}
