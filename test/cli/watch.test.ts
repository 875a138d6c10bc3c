import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { stripVTControlCharacters } from "node:util";
import { formatLive } from "../../src/cli/show/live.js";
import { peerCounters, RateHistory, rateText, sparkline } from "../../src/cli/show/rates.js";
import { cut } from "../../src/cli/show/screen.js";
import type { DeviceStatus } from "../../src/device/status.js";
import { openTunnel } from "../../src/index.js";
import { publicKeyFromBytes } from "../../src/values/key.js";
import { endLeftTunnels, ip, onlyInSandbox } from "../sandbox.js";
import { StoppedServer } from "../uapi/stopped-server.js";
import { bridge } from "./programs.js";

const peer = publicKeyFromBytes(Buffer.alloc(32, 7));

function device(receivedBytes: bigint, sentBytes: bigint): DeviceStatus {
  const one = {
    publicKey: peer,
    endpoint: { host: "192.0.2.1", port: 5 },
    persistentKeepalive: "off",
    latestHandshake: new Date(60_000),
    allowedIps: [],
    receivedBytes,
    sentBytes,
    unknown: [],
  } as const;
  return { listenPort: 51_820, peers: [one], unknown: [] };
}

describe("the rates of a peer", () => {
  it("are the growth of its counters per second, from the second sample on", () => {
    const rates = new RateHistory();
    rates.add(peerCounters(device(1000n, 0n)), 0);
    assert.deepEqual(rates.of(peer), { received: [], sent: [] });
    rates.add(peerCounters(device(3000n, 50n)), 2000);
    rates.add(peerCounters(device(3000n, 40n)), 3000);
    assert.deepEqual(rates.of(peer), { received: [1000, 0], sent: [25, 0] });
  });

  it("are forgotten with the peer", () => {
    const rates = new RateHistory();
    rates.add(peerCounters(device(0n, 0n)), 0);
    rates.add(peerCounters({ peers: [], unknown: [] }), 1000);
    rates.add(peerCounters(device(9n, 9n)), 2000);
    assert.deepEqual(rates.of(peer), { received: [], sent: [] });
  });

  it("are drawn as bars, the highest at full height", () => {
    assert.equal(sparkline([0, 50, 100]), "▁▅█");
    assert.equal(sparkline([]), "");
    assert.equal(rateText(undefined), "");
    assert.deepEqual([0, 1023, 1024, 5e6].map(rateText), [
      "0 B/s",
      "1023 B/s",
      "1.0 KiB/s",
      "4.8 MiB/s",
    ]);
  });

  it("are printed on a line with endpoint and handshake age", () => {
    const rates = new RateHistory();
    rates.add(peerCounters(device(0n, 0n)), 0);
    rates.add(peerCounters(device(2048n, 100n)), 1000);
    const lines = formatLive({ name: "wg0", status: device(2048n, 100n) }, rates, 65_000);
    assert.deepEqual(lines.map(stripVTControlCharacters), [
      "wg0, port 51820, 1 peer",
      "peer       endpoint     handshake  received      sent",
      "BwcHBwcH…  192.0.2.1:5  5 s        2.0 KiB/s  █  100 B/s  █",
    ]);
  });

  it("are cut at the terminal's width, without counting colours", () => {
    assert.equal(cut("\x1b[1mabcdef\x1b[0m", 3), "\x1b[1mabc\x1b[0m");
  });
});

describe("wg-bridge show --watch", () => {
  onlyInSandbox();
  endLeftTunnels("wgw0");

  it("prints one view after another without a terminal, and exits with 0 on a signal", async () => {
    await using tunnel = await openTunnel({ name: "wgw0", backend: "exec" });
    const words = ["show", tunnel.name, "--watch", "--interval=0.1"];
    const child = spawn(bridge, words, { stdio: ["ignore", "pipe", "inherit"] });
    for (let views = 0; views < 2; views++) {
      const [view] = await once(child.stdout, "data");
      assert.match(String(view), /^wgw0, 0 peers\npeer +endpoint/);
    }
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });

  it("keeps showing the other interfaces if one does not answer, and ends at once", async () => {
    await using _tunnel = await openTunnel({ name: "wgw0", backend: "exec" });
    await using _stopped = await StoppedServer.start("wgw1");
    const child = spawn(bridge, ["show", "--watch", "--interval=0.1"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    for (let views = 0; views < 2; views++) {
      const [view] = await once(child.stdout, "data");
      assert.match(String(view), /^wgw0, 0 peers\n.*\nwgw1: Asking wgw1 for its state took /s);
    }
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });

  it("shows the other interfaces if one cannot be reached", async () => {
    await using _tunnel = await openTunnel({ name: "wgw0", backend: "exec" });
    await using stopped = await StoppedServer.start("wgw1");
    await stopped.fill();
    const child = spawn(bridge, ["show", "--watch"], { stdio: ["ignore", "pipe", "inherit"] });
    const [view] = await once(child.stdout, "data");
    assert.match(String(view), /^wgw0, 0 peers\n.*\nwgw1: The program .* takes no connections/s);
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });

  it("reports that the tunnel has ended, and fails", async () => {
    await using tunnel = await openTunnel({ name: "wgw0", backend: "exec" });
    const child = spawn(bridge, ["show", tunnel.name, "--watch"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    await once(child.stdout, "data");
    const errors = once(child.stderr, "data");
    const ended = once(child, "exit");
    ip("link", "del", "wgw0");
    assert.match(String((await errors)[0]), /^wg-bridge: The program that served wgw0 has ended/);
    assert.deepEqual(await ended, [1, null]);
  });

  it("redraws a terminal, and restores it when q is typed", async () => {
    await using tunnel = await openTunnel({ name: "wgw0", backend: "exec" });
    const command = `${bridge} show ${tunnel.name} --watch`;
    const terminal = spawn("script", ["-qec", command, "/dev/null"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let drawn = "";
    const seen = new Promise<void>((resolve) => {
      terminal.stdout.on("data", (piece: Buffer) => {
        drawn += piece.toString();
        if (drawn.includes("wgw0")) resolve();
      });
    });
    await seen;
    terminal.stdin.write("q");
    const [code] = await once(terminal, "close");
    assert.equal(code, 0);
    assert.ok(drawn.startsWith("\x1b[?1049h\x1b[?25l"), JSON.stringify(drawn.slice(0, 40)));
    assert.ok(drawn.endsWith("\x1b[?25h\x1b[?1049l"), JSON.stringify(drawn.slice(-40)));
    assert.ok(drawn.includes("\x1b[32m"));
  });

  it("does not redraw or colour a terminal that is dumb or has no name", async () => {
    await using tunnel = await openTunnel({ name: "wgw0", backend: "exec" });
    for (const TERM of ["dumb", ""]) {
      const command = `${bridge} show ${tunnel.name} --watch --interval=0.1`;
      const terminal = spawn("script", ["-qec", command, "/dev/null"], {
        env: { ...process.env, TERM },
        stdio: ["pipe", "pipe", "inherit"],
      });
      let drawn = "";
      let interrupted = false;
      for await (const piece of terminal.stdout) {
        drawn += piece;
        if (interrupted || drawn.split("wgw0").length < 3) continue;
        interrupted = true;
        terminal.stdin.write("\x03");
      }
      assert.match(drawn, /^wgw0, 0 peers\r\npeer +endpoint.*\r\n\r\nwgw0, 0 peers/);
      assert.ok(!drawn.includes("\x1b"), JSON.stringify(drawn));
    }
  });

  it("prints one line of JSON for each view, even to a terminal", async () => {
    await using tunnel = await openTunnel({ name: "wgw0", backend: "exec", listenPort: 4321 });
    const words = ["show", tunnel.name, "--watch", "--json", "--interval=0.1"];
    const once = spawnSync(bridge, ["show", tunnel.name, "--json"], { encoding: "utf8" }).stdout;
    for (const command of [
      [bridge, ...words],
      ["script", "-qec", [bridge, ...words].join(" "), "/dev/null"],
    ]) {
      const [program = "", ...args] = command;
      const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
      const end = new Promise((resolve) => child.on("close", resolve));
      let lines = "";
      for await (const piece of child.stdout) {
        lines += piece;
        if (lines.split("\n").length > 3) break;
      }
      child.kill("SIGTERM");
      await end;
      for (const line of lines.split("\n").slice(0, 2)) {
        assert.deepEqual(JSON.parse(line), JSON.parse(once));
      }
    }
  });

  it("reports that there is nothing to watch, or that an interval is not valid", () => {
    const ours = (...args: string[]) => spawnSync(bridge, args, { encoding: "utf8" });
    assert.match(ours("show", "--watch").stderr, /no interface to watch/);
    assert.match(ours("show", "--watch", "--interval=x").stderr, /--interval=x is not valid/);
  });
});
