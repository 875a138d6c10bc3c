import assert from "node:assert/strict";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../src/artifacts.js";
import { socketPath } from "../../src/uapi/socket.js";
import { Running, runToEnd } from "../parity/programs.js";
import { describeOn } from "../runtimes/installed.js";
import { assertNothingLeft, endLeftTunnels, ip, onlyInSandbox } from "../sandbox.js";
import { ServiceManager } from "../systemd/service-manager.js";
import {
  descriptorsOf,
  environmentOf,
  isNonBlocking,
  isRunning,
  statusOf,
} from "./process-facts.js";
import { bridge } from "./programs.js";
import {
  args,
  assertKept,
  assertReplaced,
  endWell,
  engineOf,
  executable,
  pidOf,
  programOf,
  replaced,
  ways,
} from "./replaceable.js";

describeOn(["node", "24"], "that the engine replaces", ([node = ""]) => {
  onlyInSandbox();
  endLeftTunnels("wg1");
  const program = programOf(node);
  const shell = programOf("bash");
  let directory = "";

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "wg-bridge-replacement-"));
  });

  after(() => rmSync(directory, { recursive: true }));

  const ends: readonly (readonly [string, (running: Running) => unknown])[] = [
    ["the interface's deletion", () => ip("link", "del", "wg1")],
    ["its socket's removal", () => unlinkSync(socketPath("wg1"))],
    ...(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGALRM"] as const).map(
      (signal) => [signal, (running: Running) => running.process.kill(signal)] as const,
    ),
  ];
  for (const [way, end] of ends) {
    it(`ends on ${way} with the same exit code as otherwise, and leaves nothing behind`, async () => {
      const codes: number[] = [];
      for (const options of ways) {
        const running = await new Running(program, [...options, ...args]).answers("wg1");
        if (options === replaced) assertReplaced(running);
        else assertKept(running);
        const engine = engineOf(running);
        end(running);
        const { code, stdout, stderr } = await running.ended;
        assert.deepEqual([stdout, stderr], ["", ""]);
        const { signalCode } = running.process;
        // As a shell reports it.
        codes.push(signalCode === null ? (code ?? -1) : 128 + constants.signals[signalCode]);
        while (isRunning(engine)) await new Promise((resolve) => setImmediate(resolve));
        assertNothingLeft("wg1");
      }
      assert.equal(codes[0], codes[1]);
    });
  }

  const failures: readonly (readonly [string, string, NodeJS.ProcessEnv])[] = [
    ["the interface exists", "lo", {}],
    ["the interface exists, and the log is silent", "lo", { LOG_LEVEL: "silent" }],
    ["the name is too long", "sixteen-bytes-ab", {}],
    ["the TUN device is missing", "wg1", { WG_BRIDGE_TEST: "no TUN" }],
    ["a feature is unknown", "wg1", { WG_BRIDGE_DISABLE: "tso4,nonsense" }],
    ["the directory of the sockets is read-only", "wg1", { WG_BRIDGE_TEST: "read-only" }],
    [
      "auto cannot use the library",
      "lo",
      { WG_BRIDGE_BACKEND: "", WIREGUARD_GO_BRIDGE_LIB_PATH: "/no" },
    ],
  ];
  /** In a mount namespace of its own. */
  const unshared = `case $WG_BRIDGE_TEST in
    "no TUN") mount --bind /dev/full /dev/net/tun ;;
    read-only) mount -o remount,bind,ro /run ;;
  esac
  exec "$0" "$@"`;
  for (const [title, name, settings] of failures) {
    it(`fails with the same words as otherwise if ${title}`, () => {
      const [alone, pair] = ways.map((options) => {
        const words = ["--mount", "bash", "-c", unshared, node, ...options, bridge, "-f", name];
        return runToEnd(programOf("unshare"), words, settings);
      });
      assert.equal(alone?.code, 1);
      assert.equal(alone.stdout, "");
      assert.match(alone.stderr, /^(wg-bridge: [^\n]*\n)+$/);
      assert.deepEqual(alone, pair);
      assertNothingLeft("wg1");
    });
  }

  it("fails with the same words as otherwise if it cannot be run at all", () => {
    const root = join(directory, "package");
    cpSync(`${packageRoot}/dist/src`, `${root}/dist/src`, { recursive: true });
    cpSync(`${packageRoot}/package.json`, `${root}/package.json`);
    symlinkSync(`${packageRoot}/node_modules`, `${root}/node_modules`);
    mkdirSync(`${root}/build`);
    const broken = readFileSync(executable).fill(0, 0x1000, 0x100000); // the header is in order
    writeFileSync(`${root}/build/wireguard-go`, broken, { mode: 0o755 });
    const [alone, pair] = ways.map((options) =>
      runToEnd(program, [...options, `${root}/dist/src/cli/main.js`, "-f", "wg1"]),
    );
    assert.equal(alone?.code, 1);
    assert.match(alone.stderr, /^wg-bridge: [^\n]*killed by SIG[^\n]*: the tunnel wg1 is gone/);
    assert.deepEqual(alone, pair);
  });

  it("says in silence, as otherwise, what failed at a tunnel's end", () => {
    const words = ["/lib/wireguard-go", "wg1", "socket-removed: it broke", ""];
    const report = `${packageRoot}/dist/src/cli/report.js`;
    const told = (level: string) => runToEnd(program, [report, ...words], { LOG_LEVEL: level });
    assert.deepEqual(told("error"), { code: 1, stdout: "", stderr: "" }); // the log has it
    assert.equal(
      told("silent").stderr,
      "wg-bridge: The UAPI socket of wg1 was removed. What failed meanwhile: it broke\n",
    );
    const late = runToEnd(program, [report, "/lib/wireguard-go", "wg1", "", "SIGTERM"]);
    assert.deepEqual(late, {
      code: 1,
      stdout: "",
      stderr:
        "wg-bridge: /lib/wireguard-go did not end by SIGTERM, and was killed. The tunnel wg1 is gone.\n",
    });
  });

  it("says why it uses exec, and leaves its caller's pipes as they were", async () => {
    const settings = { WG_BRIDGE_BACKEND: "", WIREGUARD_GO_BRIDGE_LIB_PATH: "/no/such/library.so" };
    const running = await new Running(program, args, settings).answers("wg1");
    assertReplaced(running);
    for (const fd of [0, 1, 2]) assert.ok(!isNonBlocking(pidOf(running), fd), `descriptor ${fd}`);
    running.process.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    assert.equal(code, 0);
    assert.match(stderr, /^wg-bridge: auto falls back on exec: There is no library [^\n]*\n$/);
  });

  it("hands its standard descriptors on, and no others", async () => {
    const [input, output] = [join(directory, "input"), join(directory, "output")];
    writeFileSync(input, "");
    const script = `exec "$0" "$@" <${input} >${output} 7</dev/full`;
    const settings = { LOG_LEVEL: "verbose" };
    const running = await new Running(shell, ["-c", script, node, ...args], settings).answers(
      "wg1",
    );
    assertReplaced(running);
    const found = descriptorsOf(pidOf(running));
    assert.deepEqual([found.get(0), found.get(1)], [input, output]);
    assert.match(found.get(2) ?? "", /^socket:/); // of this test
    // Everything that Node.js has open is a pipe, a file or a poll of its own.
    const others = [...found].filter(([fd]) => fd > 2).map(([, target]) => target);
    assert.ok(others.includes("/dev/net/tun"));
    assert.ok(!others.includes("/dev/full"));
    assert.equal(others.filter((target) => target === "anon_inode:[eventpoll]").length, 1);
    await endWell(running);
    assert.match(readFileSync(output, "utf8"), /UAPI listener started/);
  });

  it("hands on the signals, limits, directory and umask that a child has", async () => {
    const seen: unknown[] = [];
    for (const options of ways) {
      const script = `trap "" PIPE USR1 HUP; umask 0027; ulimit -Sn 512; ulimit -c 0; cd ${directory}; exec "$0" "$@"`;
      const words = ["-c", script, node, ...options, ...args];
      const running = await new Running(shell, words).answers("wg1");
      const engine = engineOf(running);
      seen.push({
        ignored: statusOf(engine, "SigIgn"),
        caught: statusOf(engine, "SigCgt"),
        umask: statusOf(engine, "Umask"),
        capabilities: statusOf(engine, "CapEff"),
        directory: readlinkSync(`/proc/${engine}/cwd`),
        limits: readFileSync(`/proc/${engine}/limits`, "utf8"),
        title: readFileSync(`/proc/${engine}/comm`, "utf8"),
      });
      await endWell(running);
    }
    assert.deepEqual(seen[0], seen[1]);
  });

  it("hands on the environment that a child has, without what is about a parent", async () => {
    const own = /^WG_PROCESS_(REPORTER|BLOCKING_STDERR|STATUS_FD|LIFELINE_FD)=/;
    const seen: (readonly string[])[] = [];
    for (const options of ways) {
      const settings = { WG_BRIDGE_TEST: "two\nlines", WG_PROCESS_LIFELINE_FD: "5" };
      const running = await new Running(program, [...options, ...args], settings).answers("wg1");
      seen.push(environmentOf(engineOf(running)));
      await endWell(running);
    }
    const [alone = [], pair = []] = seen;
    assert.ok(alone.includes("WG_BRIDGE_TEST=two\nlines"));
    const reporter = [node, `${packageRoot}/dist/src/cli/report.js`, executable, "wg1"];
    assert.deepEqual(
      alone.filter((setting) => own.test(setting)),
      ["WG_PROCESS_BLOCKING_STDERR=1", `WG_PROCESS_REPORTER=${reporter.join("\n")}`],
    );
    const others = (settings: readonly string[]) => settings.filter((one) => !own.test(one));
    assert.deepEqual(others(alone), others(pair));
  });

  it("is the service manager's main process, and speaks for itself", async () => {
    const manager = new ServiceManager();
    try {
      const listener = await manager.listen();
      // Without CAP_SYS_ADMIN a process cannot speak for another one.
      const watched = ["bash", "-c", 'WATCHDOG_PID=$$ exec "$0" "$@"', node];
      const words = ["--bounding-set=-sys_admin", ...watched, ...args];
      const settings = { NOTIFY_SOCKET: listener.address, WATCHDOG_USEC: "20000" };
      const running = new Running(programOf("setpriv"), words, settings);
      const pid = pidOf(running);
      assert.deepEqual(await listener.next(), { pid, text: "READY=1\nSTATUS=Serving wg1" });
      assertReplaced(running);
      assert.deepEqual(await listener.next(), { pid, text: "WATCHDOG=1" });
      running.process.kill("SIGTERM");
      let last = await listener.next();
      while (last.text === "WATCHDOG=1") last = await listener.next();
      assert.deepEqual(last, { pid, text: "STOPPING=1\nSTATUS=Closing wg1" });
      assert.equal((await running.ended).code, 0);

      assert.equal(runToEnd(program, [bridge, "-f", "lo"], settings).code, 1);
      assert.match((await listener.next()).text, /^STATUS=Cannot serve lo: /);
      await listener.assertNoMore();
    } finally {
      manager.close();
    }
  });
});
