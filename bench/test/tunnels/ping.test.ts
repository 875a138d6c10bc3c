import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { packageRoot } from "../../../src/artifacts.js";
import { ip, onlyInSandbox } from "../../../test/sandbox.js";
import { ping, readPing } from "../../tunnels/ping.js";

describe("the output of ping", () => {
  const output = readFileSync(`${packageRoot}/bench/test/tunnels/fixtures/ping.txt`, "utf8");

  it("has the median and the 99th percentile of the times, without duplicates", () => {
    const { median, p99 } = readPing(output);
    assert.equal(median.toFixed(4), "0.2705");
    assert.equal(p99.toFixed(2), "12.04");
  });

  it("is an error if there was no answer", () => {
    const silent = "PING 192.168.241.2\n\n5 packets transmitted, 0 received, 100% packet loss\n";
    assert.throws(() => readPing(silent), { message: "ping got no answer." });
  });
});

describe("ping in a namespace", () => {
  onlyInSandbox();

  it("measures a host that answers, and reports one that does not", async () => {
    ip("netns", "add", "ping-test");
    try {
      await assert.rejects(ping("ping-test", "127.0.0.1", 1), { message: /no answer/ });
      ip("-n", "ping-test", "link", "set", "lo", "up");
      const { median, p99 } = await ping("ping-test", "127.0.0.1", 1);
      assert.ok(median > 0 && p99 >= median);
    } finally {
      ip("netns", "delete", "ping-test");
    }
  });
});
