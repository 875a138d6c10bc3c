import assert from "node:assert/strict";
import { pingAll, unanswered } from "./ping.js";

describe("requests without an answer", () => {
  it("are told by what ping printed", () => {
    const output = `PING 10.60.27.2 (10.60.27.2) 56(84) bytes of data.
64 bytes from 10.60.27.2: icmp_seq=1 ttl=64 time=0.968 ms
From 10.60.27.1 icmp_seq=2 Destination Host Unreachable
64 bytes from 10.60.27.2: icmp_seq=4 ttl=64 time=0.5 ms
64 bytes from 10.60.27.2: icmp_seq=3 ttl=64 time=1234 ms
64 bytes from 10.60.27.2: icmp_seq=5 ttl=64 tim`;
    assert.deepEqual(unanswered(output, 5), [2, 5]);
    assert.deepEqual(unanswered(output, 1), []);
  });
});

describe("pings", () => {
  /** The words of a command that prints such answers, and then does what `end` says. */
  const answering = (sequences: readonly number[], end: string) => {
    const lines = sequences.map((one) => `64 bytes from ::1: icmp_seq=${one} ttl=64 time=1 ms`);
    return ["bash", "-c", `printf '%s\\n' ${lines.map((line) => `"${line}"`).join(" ")}; ${end}`];
  };

  it("end once the first requests are answered, in whatever order", async () => {
    await pingAll("::1", 3, [], answering([1, 3, 4, 2], "exec sleep 3600"));
  });

  it("fail with what ping printed if an answer is missing", async () => {
    const failed = pingAll("::1", 3, [], answering([1, 3, 4], "echo the end >&2"));
    await assert.rejects(failed, /icmp_seq=4 ttl=64 time=1 ms\n/);
    await assert.rejects(failed, /the end\n/);
  });
});
