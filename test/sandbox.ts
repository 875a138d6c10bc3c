import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { socketPath, waitUntilFree } from "../src/uapi/socket.js";

/**
 * Excludes a file's tests from the unit tests: they create interfaces, need root, start many programs or take
 * long. `npm run test:unit` leaves out each file that calls this; `npm test` runs each in its own sandbox.
 */
export function onlyInSandbox(): void {
  before("requires a sandbox", () => {
    assert.equal(
      process.env.WG_BRIDGE_SANDBOX,
      "1",
      "These tests could change this machine. Run them as `scripts/sandbox npx mocha FILE`.",
    );
  });
}

/** Ends the tunnels that a failed test left behind, so that the next test does not fail because of them. */
export function endLeftTunnels(...names: readonly string[]): void {
  afterEach("ends leftover tunnels", async () => {
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

/** Asserts that a tunnel that ended, or failed to start, left neither an interface nor a socket. */
export function assertNothingLeft(name: string): void {
  assert.equal(interfaceExists(name), false, `interface ${name} was left`);
  assert.equal(existsSync(socketPath(name)), false, `socket of ${name} was left`);
}

/** Leaves a socket that no process serves, as a killed program does. */
export function makeDeadSocket(name: string): void {
  mkdirSync(dirname(socketPath(name)), { recursive: true });
  const script =
    'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
  spawnSync(process.execPath, ["-e", script, socketPath(name)]);
  assert.ok(existsSync(socketPath(name)));
}
