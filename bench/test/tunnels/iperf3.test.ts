import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { packageRoot } from "../../../src/artifacts.js";
import { ip, onlyInSandbox } from "../../../test/sandbox.js";
import { iperf3, readIperf3, underLoad } from "../../tunnels/iperf3.js";

function recorded(name: string): string {
  return readFileSync(`${packageRoot}/bench/test/tunnels/fixtures/${name}.json`, "utf8");
}

describe("the output of iperf3", () => {
  it("has the receiver's rate of all TCP streams", () => {
    const { goodput, bytes, packetsPerSecond, loss } = readIperf3(recorded("iperf3-tcp"));
    assert.deepEqual(
      { goodput, bytes, packetsPerSecond, loss },
      {
        goodput: 6004191338.045063,
        bytes: 813432832,
        packetsPerSecond: 0,
        loss: 0,
      },
    );
  });

  it("has the received rate of UDP, not the sent one", () => {
    const { goodput, bytes, packetsPerSecond, loss } = readIperf3(recorded("iperf3-udp"));
    assert.equal(bytes, (4565 - 931) * 1368);
    assert.equal(Math.round(packetsPerSecond), Math.round((4565 - 931) / 1.000212));
    assert.ok(Math.abs(goodput - (bytes * 8) / 1.000212) < 10);
    assert.equal(loss.toFixed(2), "20.39");
  });

  it("says what was sent again, and by which congestion control", () => {
    const tcp = readIperf3(recorded("iperf3-tcp"));
    assert.deepEqual([tcp.retransmissions, tcp.congestion], [3, "bbr"]);
    const udp = readIperf3(recorded("iperf3-udp"));
    assert.deepEqual([udp.retransmissions, udp.congestion], [0, undefined]);
  });

  it("is an error if iperf3 reports one", () => {
    const output =
      '{"start":{},"end":{},"error":"unable to connect to server: Connection timed out"}';
    assert.throws(() => readIperf3(output), {
      message: "iperf3: unable to connect to server: Connection timed out.",
    });
  });

  it("is an error if iperf3 was killed, or a sum is missing", () => {
    assert.throws(() => readIperf3('{"start":{'), { message: "iperf3 ended without a result." });
    assert.throws(() => readIperf3('{"end":{"sum_received":{"bytes":1,"seconds":1}}}'), {
      message: "iperf3's result has no sums.",
    });
  });
});

describe("iperf3 from namespace to namespace", () => {
  onlyInSandbox();
  const namespace = "iperf3-test";
  const run = {
    client: namespace,
    server: namespace,
    serverAddress: "127.0.0.1",
    seconds: 1,
    args: [],
    congestion: "reno", // which every kernel has
  };

  before(() => {
    ip("netns", "add", namespace);
    ip("-n", namespace, "link", "set", "lo", "up");
  });

  after(() => ip("netns", "delete", namespace));

  /** Returns the iperf3 processes that still run in the namespace. */
  function running(): string {
    return ip("netns", "pids", namespace);
  }

  it("can run again and again on the same port, and leaves no process", async () => {
    for (let turn = 0; turn < 2; turn++) {
      const { bytes } = await iperf3(run);
      assert.ok(bytes > 0);
      assert.equal(running(), "");
    }
  });

  it("uses the congestion control that is asked for, and says so if it cannot", async () => {
    assert.equal((await iperf3(run)).congestion, "reno");
    await assert.rejects(iperf3({ ...run, congestion: "none" }), {
      message: /^iperf3: .*congestion/,
    });
    await assert.rejects(iperf3({ ...run, congestion: undefined, args: ["-C", "reno"] }), {
      message: "iperf3 used reno, not the one that was asked for.",
    });
  });

  it("has connected before the work under load begins, however slow its client is", async () => {
    const directory = mkdtempSync(`${tmpdir()}/iperf3-`);
    const { PATH } = process.env;
    const slow = `#!/bin/sh\n[ "$1" = -s ] || sleep 0.3\nPATH='${PATH}' exec iperf3 "$@"\n`;
    writeFileSync(`${directory}/iperf3`, slow, { mode: 0o755 });
    process.env.PATH = `${directory}:${PATH}`;
    const connected = ["netns", "exec", namespace, "ss", "-Htn", "state", "established"];
    const { result: connections } = await underLoad(run, async () => ip(...connected)).finally(
      () => {
        process.env.PATH = PATH;
        rmSync(directory, { recursive: true });
      },
    );
    // A control connection and one stream, each with two ends.
    assert.equal(connections.trim().split("\n").length, 4);
  });

  it("fails if the work under load fails, and leaves no process", async () => {
    await assert.rejects(
      underLoad(run, () => Promise.reject(new Error("no work"))),
      { message: "no work" },
    );
    assert.equal(running(), "");
  });

  it("reports that no server started", async () => {
    await assert.rejects(iperf3({ ...run, serverAddress: "192.0.2.1" }), {
      message: /^iperf3's server ended before/,
    });
  });
});
