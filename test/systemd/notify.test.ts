import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";
import { executablePath } from "../../src/engine/files.js";
import { exchangeOverSocket, waitUntilFree } from "../../src/uapi/socket.js";
import { environment, ours, type Program, Running, runToEnd } from "../parity/programs.js";
import { assertNothingLeft, endLeftTunnels, ip, onlyInSandbox } from "../sandbox.js";
import { type Listener, ServiceManager } from "./service-manager.js";

const alone: Program = {
  title: "the executable alone",
  command: executablePath({}),
  env: {},
  ours: false,
};
const [ffi, exec] = ours;
assert.ok(ffi && exec);
const programs = [alone, ffi, exec];

const ready = "READY=1\nSTATUS=Serving wg1";
const closing = "STOPPING=1\nSTATUS=Closing wg1";

/** A program that becomes another one after it has named itself as the one that the watchdog is for. */
const watched = ["-c", 'WATCHDOG_PID=$$ exec "$0" "$@"'];

describe("systemd", () => {
  onlyInSandbox();
  endLeftTunnels("wg1");
  let manager: ServiceManager;
  let listener: Listener;

  before(() => {
    manager = new ServiceManager();
  });

  beforeEach(async () => {
    listener = await manager.listen();
  });

  after(() => manager.close());

  for (const program of programs) {
    describe(`with ${program.title}`, () => {
      for (const abstract of [false, true]) {
        it(`is notified of the start and the end at ${abstract ? "an abstract name" : "a path"}`, async () => {
          listener = await manager.listen(abstract);
          const running = new Running(program, ["-f", "wg1"], { NOTIFY_SOCKET: listener.address });
          // As root, the executable speaks for the process that waits for it.
          const { pid } = running.process;
          assert.deepEqual(await listener.next(), { pid, text: ready });
          assert.match(
            String(await exchangeOverSocket("wg1", Buffer.from("get=1\n\n"))),
            /errno=0/,
          );
          running.process.kill("SIGTERM");
          assert.deepEqual(await listener.next(), { pid, text: closing });
          const { code, stdout, stderr } = await running.ended;
          assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
          await listener.assertNoMore();
          assertNothingLeft("wg1");
        });
      }

      it("learns why a tunnel has ended by itself", async () => {
        const running = new Running(program, ["-f", "wg1"], { NOTIFY_SOCKET: listener.address });
        assert.equal((await listener.next()).text, ready);
        ip("link", "del", "wg1");
        const ended = "STOPPING=1\nSTATUS=wg1 has ended: interface-deleted";
        assert.equal((await listener.next()).text, ended);
        assert.equal((await running.ended).code, 0);
        await listener.assertNoMore();
      });

      it("learns why a tunnel could not start", async () => {
        ip("link", "add", "wg1", "type", "veth", "peer", "name", "wg1peer");
        try {
          const settings = { NOTIFY_SOCKET: listener.address };
          assert.equal(runToEnd(program, ["-f", "wg1"], settings).code, 1);
        } finally {
          ip("link", "del", "wg1");
        }
        assert.equal(
          (await listener.next()).text,
          "STATUS=Cannot serve wg1: interface wg1 exists already: device or resource busy\nERRNO=16",
        );
        await listener.assertNoMore();
      });

      it("has its watchdog answered until the end", async () => {
        const shell = { ...program, command: "sh" };
        const settings = { NOTIFY_SOCKET: listener.address, WATCHDOG_USEC: "20000" };
        const args = [...watched, program.command, "-f", "wg1"];
        const running = new Running(shell, args, settings);
        const { pid } = running.process;
        assert.equal((await listener.next()).text, ready);
        for (let time = 0; time < 3; time++) {
          assert.deepEqual(await listener.next(), { pid, text: "WATCHDOG=1" });
        }
        running.process.kill("SIGTERM");
        let last = await listener.next();
        while (last.text === "WATCHDOG=1") last = await listener.next();
        assert.equal(last.text, closing);
        assert.equal((await running.ended).code, 0);
      });

      it("gets no answer to a watchdog that is for another process", async () => {
        const settings = {
          NOTIFY_SOCKET: listener.address,
          WATCHDOG_PID: String(process.pid),
          WATCHDOG_USEC: "2", // An answer would come at once.
        };
        const running = new Running(program, ["-f", "wg1"], settings);
        assert.equal((await listener.next()).text, ready);
        await exchangeOverSocket("wg1", Buffer.from("get=1\n\n"));
        running.process.kill("SIGTERM");
        assert.equal((await listener.next()).text, closing);
        assert.equal((await running.ended).code, 0);
        await listener.assertNoMore();
      });

      it("is not notified of a tunnel in the background", async () => {
        const settings = {
          NOTIFY_SOCKET: listener.address,
          WATCHDOG_USEC: "2",
          WG_PROCESS_NOTIFY_PID: String(process.pid),
        };
        assert.equal(runToEnd(program, ["wg1"], settings).code, 0);
        await exchangeOverSocket("wg1", Buffer.from("get=1\n\n"));
        ip("link", "del", "wg1");
        assert.ok(await waitUntilFree("wg1", 10_000));
        await listener.assertNoMore();
      });

      it("may be gone: the tunnel works, and its log says so", async () => {
        const settings = { NOTIFY_SOCKET: "/nowhere/notify" };
        const running = await new Running(program, ["-f", "wg1"], settings).answers("wg1");
        running.process.kill("SIGTERM");
        const { code, stdout } = await running.ended;
        assert.equal(code, 0);
        const line =
          /^ERROR: \(wg1\) .* Notifying the service manager: dial unixgram \/nowhere\/notify: connect: no such file or directory$/gm;
        assert.equal(stdout.match(line)?.length, 2, stdout);
      });
    });
  }

  it("is notified by the executable itself if that may not speak for the process that waits for it", async () => {
    const named = { ...exec.env, WIREGUARD_GO_EXECUTABLE: executablePath({}) }; // so that Node.js stays
    const shell = { ...exec, env: named, command: "setpriv" };
    const args = ["--bounding-set=-sys_admin", exec.command, "-f", "wg1"];
    const running = new Running(shell, args, { NOTIFY_SOCKET: listener.address });
    const { pid, text } = await listener.next();
    assert.equal(text, ready);
    const parent = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    assert.equal(parent, String(running.process.pid));
    running.process.kill("SIGTERM");
    assert.deepEqual(await listener.next(), { pid, text: closing });
    assert.equal((await running.ended).code, 0);
  });

  for (const [backend, options] of [
    ["ffi", "{}"],
    ["exec", "{}"],
    ["exec", "{ detached: true }"],
  ] as const) {
    it(`is not notified by a program that opens a tunnel with ${backend} and ${options}`, async () => {
      const variables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];
      const program = `
        import assert from "node:assert/strict";
        import { readFileSync, readdirSync } from "node:fs";
        import { openTunnel } from ${JSON.stringify(`${packageRoot}/dist/src/index.js`)};
        const tunnel = await openTunnel({ name: "wg1", backend: "${backend}", ...${options} });
        await tunnel.status();
        const children = readFileSync("/proc/self/task/" + process.pid + "/children", "utf8").trim().split(" ");
        for (const child of children.filter((pid) => pid !== "")) {
          const environment = readFileSync("/proc/" + child + "/environ", "utf8");
          assert.doesNotMatch(environment, /(?:^|\\0)(?:${variables.join("|")})=/);
        }
        console.log(children.filter((pid) => pid !== "").length);
        await tunnel.close();
      `;
      const settings = { NOTIFY_SOCKET: listener.address, WATCHDOG_USEC: "2" };
      const env = environment(exec, { ...settings, WATCHDOG_PID: "" });
      const args = ["--input-type=module", "-e", program];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, {
        env,
        encoding: "utf8",
        timeout: 30_000,
      });
      assert.equal(status, 0, stderr);
      assert.equal(stdout, backend === "exec" ? "1\n" : "0\n");
      await listener.assertNoMore();
      assertNothingLeft("wg1");
    });
  }
});
