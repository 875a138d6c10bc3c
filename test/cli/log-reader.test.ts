import assert from "node:assert/strict";
import { exchangeOverSocket, waitUntilFree } from "../../src/uapi/socket.js";
import { ours, Running } from "../parity/programs.js";
import { endLeftTunnels, interfaceExists, ip, onlyInSandbox } from "../sandbox.js";

const refused = Buffer.from("set=1\nno_such_key=1\n\n");
const get = Buffer.from("get=1\n\n");

/** Closes the read end of the program's log, and makes the program log. */
async function logToNobody(running: Running): Promise<void> {
  running.process.stdout?.destroy();
  running.process.stderr?.destroy();
  for (let lines = 0; lines < 5; lines++) {
    const answer = await exchangeOverSocket("wg1", refused);
    assert.match(answer.toString(), /^errno=-?[1-9]\d*\n\n$/);
  }
}

describe("a tunnel whose log has lost its reader", () => {
  onlyInSandbox();
  endLeftTunnels("wg1");

  for (const program of ours) {
    it(`keeps running in the foreground: ${program.title}`, async () => {
      const running = await new Running(program, ["-f", "wg1"]).answers("wg1");
      await logToNobody(running);
      assert.match((await exchangeOverSocket("wg1", get)).toString(), /errno=0\n\n$/);
      running.process.kill("SIGTERM");
      assert.equal((await running.ended).code, 0);
      assert.ok(!interfaceExists("wg1"));
    });

    it(`keeps running in the background: ${program.title}`, async () => {
      const running = new Running(program, ["wg1"], { LOG_LEVEL: "error" });
      await running.answers("wg1");
      await logToNobody(running);
      assert.equal((await running.ended).code, 0);
      assert.match((await exchangeOverSocket("wg1", get)).toString(), /errno=0\n\n$/);
      ip("link", "del", "wg1");
      assert.ok(await waitUntilFree("wg1", 10_000));
    });

    it(`exits with 0 if standard output is also the status descriptor: ${program.title}`, async () => {
      const running = new Running(program, ["-f", "wg1"], { WG_PROCESS_STATUS_FD: "1" });
      await running.answers("wg1");
      await logToNobody(running);
      running.process.kill("SIGTERM");
      assert.equal((await running.ended).code, 0);
    });
  }
});
