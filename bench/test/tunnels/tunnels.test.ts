import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { packageRoot } from "../../../src/artifacts.js";
import { executablePath } from "../../../src/engine/files.js";
import { processesWith, statFields } from "../../../test/processes.js";
import { ip, onlyInSandbox } from "../../../test/sandbox.js";
import type { Result } from "../../result.js";
import { Daemon } from "../../tunnels/daemon.js";
import { tunnels } from "../../tunnels/tunnels.js";

const program = `${packageRoot}/dist/bench/main.js`;

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Called with each piece of standard error. */
  readonly onProgress?: (text: string, interrupt: (signal: NodeJS.Signals) => void) => void;
}

/** Runs `npm run bench -- tunnels` to its end. */
async function runBench(
  args: readonly string[],
  { env = {}, onProgress = () => {} }: RunOptions = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [program, "tunnels", ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
    onProgress(text, (signal) => child.kill(signal));
  });
  const [status] = await once(child, "close");
  return { status, stdout, stderr };
}

describe("npm run bench -- tunnels", function () {
  onlyInSandbox();

  this.timeout(300_000);
  let directory: string;

  before(() => {
    directory = mkdtempSync(`${tmpdir()}/bench `);
  });

  after(() => rmSync(directory, { recursive: true }));

  /** Writes a program that is not WireGuard, and returns its path. */
  function fake(name: string, script: string): string {
    const path = `${directory}/${name}`;
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  it("measures every program, shows a peer's failure, prints one JSON object, and writes the page", async () => {
    const page = `${directory}/page.html`;
    const failing = fake("failing", "echo no such lever >&2; exit 7");
    const { status, stdout, stderr } = await runBench([
      "--rounds=1",
      "--only=start,ping,handshakes",
      "--json",
      `--html=${page}`,
      `--also=failing=${failing}`,
    ]);
    const result: Result = JSON.parse(stdout);
    assert.equal(result.schemaVersion, 2);
    assert.deepEqual(
      result.programs.map(({ name }) => name),
      ["upstream", "failing", "exec", "ffi"],
    );
    const because = "It ended at its start, exit status 7: no such lever.";
    assert.deepEqual(
      result.programs.map(({ failures }) => failures),
      [
        [],
        [
          { leg: "start", because, output: [], rounds: [1] },
          { leg: "ping", because, output: [], rounds: [1] },
          { leg: "handshakes", because, output: [], rounds: [1] },
        ],
        [],
        [],
      ],
    );
    assert.deepEqual(
      result.figures.map(({ id }) => id),
      [
        "start",
        "ping-idle-median",
        "ping-idle-p99",
        "ping-load-median",
        "ping-load-p99",
        "handshakes",
      ],
    );
    for (const { id, programs } of result.figures) {
      assert.deepEqual(Object.keys(programs), ["upstream", "exec", "ffi"], id);
      for (const figure of Object.values(programs)) {
        assert.ok(figure.median > 0, id);
        assert.equal(figure.toReference?.verdict ?? "too few rounds", "too few rounds");
      }
    }
    assert.equal(status, 0);
    assert.match(stderr, /^0:00 {2}upstream$/m);
    assert.match(readFileSync(page, "utf8"), /<\/html>\n$/);
  });

  it("measures chosen programs over a link and with flows, and compares them with the reference", async () => {
    const { status, stdout } = await runBench([
      ...["--rounds=1", "--only=link-5-loss,flows-20", "--programs=exec", "--json"],
      ...["--without=udp-gro", "--reference=exec"],
    ]);
    const { programs, figures, reference, legs }: Result = JSON.parse(stdout);
    const names = ["exec", "exec -udp-gro"];
    assert.deepEqual(
      programs.map(({ name, failures }) => [name, failures]),
      names.map((name) => [name, []]),
    );
    assert.equal(reference, "exec");
    assert.deepEqual(
      legs.map(({ id }) => id),
      ["link-5-loss", "flows-20"],
    );
    assert.equal(figures.length, 21);
    for (const { id, programs: own } of figures) {
      assert.deepEqual(Object.keys(own), names, id);
      // One way, a datagram is half of the round trip on its way, whatever else.
      const least = /^flows-20-\w+-(median|p99)$/.test(id) ? 10 : /ping/.test(id) ? 5 : 0;
      for (const { median } of Object.values(own)) assert.ok(median >= least, `${id}: ${median}`);
    }
    assert.equal(status, 0);
  });

  it("passes exec without levers its environment, and fails if that program fails", async () => {
    const refusing = fake(
      "refusing",
      `[ -z "$WG_BRIDGE_DISABLE" ] || { echo "ERROR: ($2) 2026/11/25 02:59:40 unknown: $WG_BRIDGE_DISABLE"; exit 1; }
exec '${executablePath({})}' "$@"`,
    );
    const { status, stdout } = await runBench(
      ["--rounds=1", "--only=start", "--without=one,two", "--json"],
      { env: { WIREGUARD_GO_EXECUTABLE: refusing } },
    );
    const { programs }: Result = JSON.parse(stdout);
    assert.deepEqual(
      programs.map(({ name, failures }) => [name, failures[0]?.because]),
      [
        ["upstream", undefined],
        ["exec", undefined],
        ["ffi", undefined],
        ["exec -one,two", "It ended at its start, exit status 1: unknown: one,two."],
      ],
    );
    assert.equal(status, 1);
  });

  it("exits with 130 when SIGINT interrupts it, and leaves no process behind", async () => {
    const sleep = `sleep 1000.${process.pid}`;
    const lasting = fake("lasting", `exec ${sleep}`);
    let seen: readonly string[] = [];
    let looking: NodeJS.Timeout | undefined;
    const { status, stdout, stderr } = await runBench(
      ["--rounds=1", "--only=start", `--also=lasting=${lasting}`],
      {
        onProgress: (text, interrupt) => {
          if (looking !== undefined || !text.includes("lasting")) return;
          // Wait until the program runs: only then is there something to leave behind.
          looking = setInterval(() => {
            seen = processesWith(sleep);
            if (seen.length === 0) return;
            clearInterval(looking);
            interrupt("SIGINT");
          }, 10);
        },
      },
    );
    clearInterval(looking);
    assert.equal(status, 130);
    assert.equal(stdout, "");
    assert.match(stderr, /^tunnels: interrupted by SIGINT$/m);
    assert.notDeepEqual(seen, []);
    assert.deepEqual(processesWith(sleep), []);
  });

  it("refuses arguments that it cannot read or run before it measures", async () => {
    for (const [args, complaint] of [
      [["--rounds=none"], /^tunnels: --rounds "none" is not a whole number/],
      [["--also=x=/nonexistent"], /^tunnels: --also x: \/nonexistent cannot be executed/],
      [[`--html=${directory}/nowhere/page.html`], /cannot be written/],
    ] as const) {
      const { status, stdout, stderr } = await runBench(args);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, complaint);
    }
  });
});

describe("the programs of a benchmark", () => {
  const programs = tunnels.programs(
    { also: [{ name: "tailscale", path: "/opt/tailscale" }], without: ["tso4,uso", "all"] },
    { WIREGUARD_GO_EXECUTABLE: "/opt/ours" },
  );

  it("are upstream, those of --also, exec and ffi, and exec without levers", () => {
    assert.deepEqual(
      programs.map(({ name }) => name),
      ["upstream", "tailscale", "exec", "ffi", "exec -tso4,uso", "exec -all"],
    );
  });

  it("are judged, except those of --also", () => {
    assert.deepEqual(
      programs.filter(({ judged }) => !judged).map(({ name }) => name),
      ["tailscale"],
    );
  });

  it("receive the levers to switch off by their environment alone", () => {
    const [, , exec, , without] = programs;
    assert.deepEqual(exec?.command, ["/opt/ours"]);
    assert.deepEqual(without?.command, exec?.command);
    assert.deepEqual(exec?.env, {});
    assert.deepEqual(without?.env, { WG_BRIDGE_DISABLE: "tso4,uso" });
  });
});

describe("a program that the benchmark of tunnels starts", function () {
  onlyInSandbox();
  this.timeout(60_000);

  for (const program of tunnels.programs({ also: [], without: [] }, {})) {
    it(`runs in its own session: ${program.name}`, async () => {
      const daemon = await Daemon.start(program, "wgs0");
      try {
        const { pid } = daemon.process;
        const [, , , session] = statFields(`/proc/${pid}/stat`);
        assert.equal(session, String(pid));
        assert.match(ip("link", "show", "dev", "wgs0"), /wgs0/);
      } finally {
        await daemon.stop();
      }
    });
  }

  it("can start in the background, too", async () => {
    const [upstream] = tunnels.programs({ also: [], without: [] }, {});
    assert.ok(upstream !== undefined);
    assert.ok((await Daemon.startInBackground(upstream, "wgs0")) > 0);
    const failing = { command: ["/bin/false"], env: {} };
    await assert.rejects(Daemon.startInBackground(failing, "wgs0"), {
      message: "It ended at its start, exit status 1.",
    });
  });
});
