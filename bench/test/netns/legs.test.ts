import assert from "node:assert/strict";
import { LegReader } from "../../netns/legs.js";

const tcpClient = "NS1: iperf3 -Z -n 1G -c 192.168.241.2";
const udpClient = "NS1: iperf3 -Z -n 1G -b 0 -u -c fd00::2";
const receiver = (rate: string) =>
  `[  5]   0.00-5.69   sec  1024 MBytes  ${rate}          receiver`;

function rateOf(...lines: readonly string[]): number | null | undefined {
  const reader = new LegReader();
  reader.step(tcpClient, "IPv4 outside, MTU 1420");
  for (const line of lines) reader.line(line);
  return reader.legs[0]?.gbitPerSecond;
}

describe("LegReader", () => {
  it("reads transport and inner family from the client's command", () => {
    const reader = new LegReader();
    reader.step("NS2: iperf3 -s -1 -B 192.168.241.2", "IPv4 outside, MTU 1420");
    reader.step(tcpClient, "IPv4 outside, MTU 1420");
    reader.step(udpClient, "IPv6 outside, big MTU");
    assert.deepEqual(reader.legs, [
      {
        section: "IPv4 outside, MTU 1420",
        transport: "TCP",
        inside: "IPv4",
        gbitPerSecond: null,
      },
      { section: "IPv6 outside, big MTU", transport: "UDP", inside: "IPv6", gbitPerSecond: null },
    ]);
  });

  it("reads the receiver's rate, not the sender's", () => {
    const sender = "[  5]   0.00-5.68   sec  1.00 GBytes  1.60 Gbits/sec    0             sender";
    assert.equal(rateOf("Connecting to host a", sender, receiver("1.51 Gbits/sec")), 1.51);
  });

  it("reads a UDP line with jitter and losses", () => {
    const line =
      "[  6]   0.00-13.87  sec   181 MBytes   109 Mbits/sec  0.003 ms  645631/784169 (82%)  receiver";
    assert.equal(rateOf("Connecting to host a", line), 0.109);
  });

  it("understands every unit of iperf3", () => {
    const rates = [
      "512 bits/sec",
      "1.5 Kbits/sec",
      "98.4 Mbits/sec",
      "2 Gbits/sec",
      "1.1 Tbits/sec",
    ];
    assert.deepEqual(
      rates.map((rate) => rateOf("Connecting to host a", receiver(rate))),
      [512e-9, 1.5e-6, 0.0984, 2, 1100],
    );
  });

  it("ignores the late report of the previous test's server", () => {
    assert.equal(
      rateOf(receiver("9 Gbits/sec"), "Connecting to host a", receiver("1 Gbits/sec")),
      1,
    );
  });

  it("ignores the server's report after the client's", () => {
    assert.equal(
      rateOf("Connecting to host a", receiver("1 Gbits/sec"), receiver("9 Gbits/sec")),
      1,
    );
  });

  it("uses the server's rate if the client's report is missing", () => {
    assert.equal(rateOf("Accepted connection from a", receiver("1 Gbits/sec")), 1);
  });

  it("has no rate for a test that did not finish", () => {
    assert.equal(rateOf("Connecting to host a"), null);
  });
});
