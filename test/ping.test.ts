import assert from "node:assert/strict";
import { answered } from "./ping.js";

describe("the answers that ping printed", () => {
  it("are told by the numbers of their requests", () => {
    const output = `PING 10.60.27.2 (10.60.27.2) 56(84) bytes of data.
64 bytes from 10.60.27.2: icmp_seq=1 ttl=64 time=0.968 ms
From 10.60.27.1 icmp_seq=2 Destination Host Unreachable
64 bytes from 10.60.27.2: icmp_seq=3 ttl=64 time=1234 ms

--- 10.60.27.2 ping statistics ---
3 packets transmitted, 2 received, +1 errors, 33% packet loss, time 405ms
`;
    assert.deepEqual(answered(output), [1, 3]);
  });
});
