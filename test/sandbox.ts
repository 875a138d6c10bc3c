import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { socketPath, waitUntilFree } from "../src/uapi/socket.js";

/**
 * Marks the tests of a file as no unit tests: they make interfaces, need root, start many programs or take
 * long. `npm run test:unit` leaves out each file that calls this; `npm test` gives each a sandbox of its own.
 */
export function onlyInSandbox(): void {
  before("is in a sandbox", () => {
    assert.equal(
      process.env.WG_BRIDGE_SANDBOX,
      "1",
      "These tests could change this machine. Run them as `scripts/sandbox npx mocha FILE`.",
    );
  });
}

/** A failed test must not make the next one fail: ends the tunnels that it left behind. */
export function endLeftTunnels(...names: readonly string[]): void {
  afterEach("ends what was left", async () => {
    for (const name of names.filter(interfaceExists)) {
      ip("link", "del", name);
      await waitUntilFree(name, 10_000);
    }
  });
}

/** Runs ip(8). */
export function ip(...args: string[]): string {
  return execFileSync("ip", args, { encoding: "utf8" });
}

export function interfaceExists(name: string): boolean {
  return existsSync(`/sys/class/net/${name}`);
}

/** A tunnel that ended, or never came to be, leaves neither an interface nor a socket. */
export function assertNothingLeft(name: string): void {
  assert.equal(interfaceExists(name), false, `interface ${name} was left`);
  assert.equal(existsSync(socketPath(name)), false, `socket of ${name} was left`);
}

/** Leaves a socket that nobody serves, as a killed program does. */
export function makeDeadSocket(name: string): void {
  mkdirSync(dirname(socketPath(name)), { recursive: true });
  const script =
    'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
  spawnSync(process.execPath, ["-e", script, socketPath(name)]);
  assert.ok(existsSync(socketPath(name)));
}
