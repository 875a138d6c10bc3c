import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { mock } from "node:test";
import type { Backend } from "../../src/backends/backend.js";
import { launch } from "../../src/tunnel/launch.js";
import { onlyInSandbox } from "../sandbox.js";
import { FakeRunning } from "./fake-running.js";

const run = () => Promise.reject(new Error("Nothing here runs in the foreground."));
const openStation = () => Promise.reject(new Error("Nothing here has a station."));

describe("a tunnel whose ip(8) hangs", () => {
  onlyInSandbox();
  const { PATH } = process.env;
  let directory = "";

  before(() => {
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-ip-`);
    const script = `#!/bin/sh\necho $$ > ${directory}/pid\nmv ${directory}/pid ${directory}/started\nexec sleep 1000\n`;
    writeFileSync(`${directory}/ip`, script, { mode: 0o755 });
    process.env.PATH = `${directory}:${PATH}`;
  });

  after(() => {
    process.env.PATH = PATH;
    rmSync(directory, { recursive: true });
  });

  it("is given up after ten seconds, and closed, and ip is killed", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const running = new FakeRunning();
      const backend: Backend = { kind: "exec", start: async () => running, openStation, run };
      const network = { addresses: ["10.0.0.1/24"], up: true };
      const launched = launch(backend, { name: "lo" }, network, undefined);
      const refused = assert.rejects(launched, /Setting up lo with ip took longer than 10 s/);
      const pid = await ipStarted(`${directory}/started`);
      mock.timers.tick(10_000);
      await refused;
      assert.equal(running.closes, 1);
      await until(() => !existsSync(`/proc/${pid}`));
    } finally {
      mock.timers.reset();
    }
  });
});

async function ipStarted(file: string): Promise<number> {
  await until(() => existsSync(file));
  return Number(readFileSync(file, "utf8"));
}

/** Not by setTimeout, whose time is the test's. */
async function until(condition: () => boolean): Promise<void> {
  let looks = 0;
  await new Promise<void>((resolve, reject) => {
    const interval = setInterval(() => {
      const holds = condition();
      if (!holds && looks++ < 1000) return;
      clearInterval(interval);
      if (holds) resolve();
      else reject(new Error("It has not come to be."));
    }, 10);
  });
}

describe("a tunnel that never notices that its interface is up", () => {
  onlyInSandbox();

  it("is given up with the signal's reason, and closed", async () => {
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    const running = new FakeRunning(() => setImmediate(() => controller.abort(reason)));
    const backend: Backend = { kind: "exec", start: async () => running, openStation, run };
    const launched = launch(
      backend,
      { name: "lo", signal: controller.signal },
      { addresses: [], up: true },
      { listenPort: 51_895, peers: [] },
    );
    await assert.rejects(launched, reason);
    assert.equal(running.closes, 1);
  });
});
