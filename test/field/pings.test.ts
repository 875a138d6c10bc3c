import assert from "node:assert/strict";
import { readPings } from "./pings.js";

describe("the output of ping", () => {
  it("has the answers' times and the counts", () => {
    const output = `PING 10.100.0.3 (10.100.0.3) 56(84) bytes of data.
64 bytes from 10.100.0.3: icmp_seq=1 ttl=64 time=1.50 ms
64 bytes from 10.100.0.3: icmp_seq=3 ttl=64 time=2.50 ms

--- 10.100.0.3 ping statistics ---
3 packets transmitted, 2 received, 33.3333% packet loss, time 101ms
rtt min/avg/max/mdev = 1.500/2.000/2.500/0.500 ms
`;
    const { sent, answered, median } = readPings(output);
    assert.deepEqual({ sent, answered, median }, { sent: 3, answered: 2, median: 2 });
  });

  it("has no times if there is no answer", () => {
    const output = `PING 10.100.0.3 (10.100.0.3) 56(84) bytes of data.

--- 10.100.0.3 ping statistics ---
2 packets transmitted, 0 received, 100% packet loss, time 101ms
`;
    assert.deepEqual(readPings(output), { sent: 2, answered: 0, median: null, p99: null });
  });

  it("is rejected if ping was killed", () => {
    assert.throws(() => readPings("PING 10.100.0.3 (10.100.0.3) 56(84) bytes of data.\n"), {
      message: /no summary/,
    });
  });
});
