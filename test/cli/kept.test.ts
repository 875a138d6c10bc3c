import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { untilAnswer } from "../../src/backends/exec/tunnel.js";
import { Running, runToEnd } from "../parity/programs.js";
import { describeOn } from "../runtimes/installed.js";
import { endLeftTunnels, onlyInSandbox } from "../sandbox.js";
import { childrenOf, residentMemory, wordsOf } from "./process-facts.js";
import { bridge } from "./programs.js";
import {
  args,
  assertKept,
  assertReplaced,
  endWell,
  engineOf,
  executable,
  kept,
  pidOf,
  programOf,
} from "./replaceable.js";

for (const version of ["22", "24", "26"]) {
  describeOn(["node", version], "that runs a tunnel with exec", ([node = ""]) => {
    onlyInSandbox();
    endLeftTunnels("wg1");

    it("is replaced by the engine, which needs a fraction of the memory", async () => {
      const alone = await new Running(programOf(node), args).answers("wg1");
      assertReplaced(alone);
      const one = residentMemory(pidOf(alone));
      await endWell(alone);

      const pair = await new Running(programOf(node), [...kept, ...args]).answers("wg1");
      assertKept(pair);
      const two = residentMemory(pidOf(pair)) + residentMemory(engineOf(pair));
      await endWell(pair);
      assert.ok(one * 4 < two, `${one} kB, and with Node.js ${two} kB`);
    });
  });
}

describeOn(["node", "22.12"], "that runs a tunnel with exec", ([node = ""]) => {
  onlyInSandbox();
  endLeftTunnels("wg1");

  it("stays beside the engine, because it cannot replace itself", async () => {
    const running = await new Running(programOf(node), args).answers("wg1");
    assert.deepEqual(wordsOf(pidOf(running)), [node, ...args]);
    assertKept(running);
    await endWell(running);
  });
});

describeOn(["node", "24"], "stays beside the engine", ([node = ""]) => {
  onlyInSandbox();
  endLeftTunnels("wg1");
  const program = programOf(node);

  const reasons: readonly (readonly [string, NodeJS.ProcessEnv])[] = [
    ["if the executable is named", { WIREGUARD_GO_EXECUTABLE: executable }],
    ["if its caller reads the status", { WG_PROCESS_STATUS_FD: "1" }],
  ];
  for (const [title, settings] of reasons) {
    it(title, async () => {
      const running = await new Running(program, args, settings).answers("wg1");
      assertKept(running);
      running.process.kill("SIGTERM");
      assert.equal((await running.ended).code, 0);
    });
  }

  it("if the program that started it may send it messages", async () => {
    const child = fork(bridge, ["-f", "wg1"], {
      execPath: node,
      execArgv: [],
      env: { ...process.env, ...program.env },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const ended = once(child, "exit");
    await untilAnswer("wg1", AbortSignal.timeout(60_000));
    assert.equal(childrenOf(child.pid ?? 0).length, 1);
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  });

  it("if it may not start programs, and says so", () => {
    const settings = { NODE_OPTIONS: "--permission --allow-fs-read=* --allow-fs-write=*" };
    const { code, stderr } = runToEnd(program, args, settings);
    assert.equal(code, 1);
    assert.match(stderr, /^wg-bridge: The executable [^\n]* cannot be run on this machine/m);
  });
});
