import assert from "node:assert/strict";
import { closeness, verdictOn } from "../summary.js";
import {
  around,
  comparisonOf,
  findingsOf,
  netnsFailure,
  ordinary,
  passing,
  resultOf,
} from "./fixtures.js";

function figureOf(result: typeof ordinary, id: string) {
  const figure = result.figures.find((candidate) => candidate.id === id);
  assert.ok(figure !== undefined, `there is no figure ${id}`);
  return figure;
}

describe("a verdict on ratios to upstream", () => {
  it("needs the whole interval on one side of 1, and depends on whether more is better", () => {
    assert.equal(verdictOn({ low: 1.01, high: 1.2 }, "more"), "better");
    assert.equal(verdictOn({ low: 1.01, high: 1.2 }, "less"), "worse");
    assert.equal(verdictOn({ low: 0.7, high: 0.9 }, "more"), "worse");
    assert.equal(verdictOn({ low: 0.7, high: 0.9 }, "less"), "better");
  });

  it("is undecided if the interval contains 1 or touches it", () => {
    assert.equal(verdictOn({ low: 0.9, high: 1.1 }, "more"), "undecided");
    assert.equal(verdictOn({ low: 1, high: 1.1 }, "more"), "undecided");
    assert.equal(verdictOn({ low: 0.9, high: 1 }, "less"), "undecided");
  });

  it("says that there are too few rounds if there is no interval", () => {
    assert.equal(verdictOn(null, "more"), "too few rounds");
  });
});

describe("a verdict on ffi to exec", () => {
  it("needs the whole interval within or beyond 3 percent", () => {
    assert.equal(closeness({ low: 0.97, high: 1.03 }), "within");
    assert.equal(closeness({ low: 1.04, high: 1.2 }), "beyond");
    assert.equal(closeness({ low: 0.5, high: 0.96 }), "beyond");
    assert.equal(closeness({ low: 0.96, high: 1 }), "undecided");
    assert.equal(closeness({ low: 0.9, high: 1.1 }), "undecided");
    assert.equal(closeness(null), "too few rounds");
  });
});

describe("the summary", () => {
  it("has the samples by round, the median and the quartiles of each figure", () => {
    const exec = resultOf(
      findingsOf("upstream", { start: [1, 1, 1, 1] }),
      findingsOf("exec", { start: [8, null, 2, 4] }),
    );
    const figure = figureOf(exec, "start").programs.exec;
    assert.deepEqual(figure?.samples, [8, null, 2, 4]);
    assert.equal(figure?.median, 4);
    assert.deepEqual(figure?.quartiles, { low: 3, high: 6 });
  });

  it("compares every program with upstream in the same round", () => {
    const { programs } = figureOf(ordinary, "tcp-1420-1-up");
    assert.equal(programs.upstream?.toReference, null);
    assert.equal(programs.exec?.toReference?.verdict, "better");
    assert.ok(
      programs.exec?.toReference?.byRound.every((one) => Math.abs((one ?? 0) - 1.5) < 1e-9),
    );
    assert.equal(programs.small?.toReference?.verdict, "worse");
    assert.equal(figureOf(ordinary, "start").programs.ffi?.toReference?.verdict, "worse");
  });

  it("is not misled by a slow round, in which both were slow", () => {
    const slow = [1, 1, 0.1, 1, 0.2, 1];
    const result = resultOf(
      findingsOf("upstream", { "tcp-1420-1-up": slow }),
      findingsOf("exec", { "tcp-1420-1-up": slow.map((value) => value * 1.1) }),
    );
    assert.equal(figureOf(result, "tcp-1420-1-up").programs.exec?.toReference?.verdict, "better");
  });

  it("gives no verdict on rounds that disagree, or on fewer than six", () => {
    assert.equal(
      figureOf(ordinary, "tcp-9000-1-up").programs.exec?.toReference?.verdict,
      "undecided",
    );
    const few = resultOf(
      findingsOf("upstream", { start: around(1).slice(0, 5) }),
      findingsOf("exec", { start: around(2).slice(0, 5) }),
    );
    const figure = figureOf(few, "start").programs.exec?.toReference;
    assert.equal(figure?.verdict, "too few rounds");
    assert.equal(figure?.interval, null);
    assert.ok(Math.abs((figure?.median ?? 0) - 2) < 1e-9);
  });

  it("gives no ratio of losses if one is 0 in some round", () => {
    const { programs } = figureOf(ordinary, "udp-250-loss");
    assert.equal(programs.exec?.median, 0);
    assert.equal(programs.exec?.toReference, null);
    const mostly = resultOf(
      findingsOf("upstream", { "udp-250-loss": [1, 1, 0, 1, 1, 1, 1, 1] }),
      findingsOf("exec", { "udp-250-loss": [2, 2, 2, 2, 2, 2, 2, 2] }),
    );
    assert.equal(figureOf(mostly, "udp-250-loss").programs.exec?.toReference, null);
    const lossy = resultOf(
      findingsOf("upstream", { "udp-overload-loss": around(80) }),
      findingsOf("exec", { "udp-overload-loss": around(40) }),
    );
    assert.equal(
      figureOf(lossy, "udp-overload-loss").programs.exec?.toReference?.verdict,
      "better",
    );
  });

  it("still gives a ratio if a program has no sample of some round", () => {
    const gap = resultOf(
      findingsOf("upstream", { start: [1, null, 1] }),
      findingsOf("exec", { start: [null, 2, 2] }),
    );
    assert.deepEqual(figureOf(gap, "start").programs.exec?.toReference?.byRound, [null, null, 2]);
  });

  it("compares ffi with exec only in the figures of traffic", () => {
    assert.equal(figureOf(ordinary, "tcp-1420-1-up").ffiToExec?.verdict, "within");
    assert.equal(figureOf(ordinary, "start").ffiToExec, null);
  });

  it("leaves out figures that were not measured, and programs without a sample", () => {
    assert.deepEqual(
      ordinary.figures.map(({ id }) => id),
      ["start", "tcp-1420-1-up", "tcp-9000-1-up", "udp-250-loss"],
    );
    assert.deepEqual(Object.keys(figureOf(ordinary, "tcp-9000-1-up").programs), [
      "upstream",
      "exec",
      "ffi",
    ]);
  });

  it("reports each failure once, with its rounds", () => {
    assert.deepEqual(ordinary.programs.find(({ name }) => name === "small")?.failures, [
      {
        leg: "tcp-9000",
        because: "It does not carry a packet of 9000 bytes.",
        output: [],
        rounds: [1, 2, 3, 4, 5, 6, 7, 8, 9],
      },
    ]);
  });

  it("reports how noisy upstream was, and how much of the noise ratios remove", () => {
    const drift = [1, 2, 3, 4, 5];
    const { noise } = resultOf(
      findingsOf("upstream", { start: drift }),
      findingsOf("exec", { start: drift.map((value) => value * 2) }),
    );
    assert.ok(Math.abs((noise.reference ?? 0) - 2 / 3) < 1e-9);
    assert.equal(noise.ratios, 0);
    assert.equal(resultOf(findingsOf("upstream", { start: [1, 2] })).noise.reference, null);
  });
});

describe("the summary of a comparison", () => {
  it("does not pass if any judged program failed", () => {
    const good = { exec: findingsOf("exec", passing(1)), ffi: findingsOf("ffi", passing(1)) };
    const failed = (name: string) => findingsOf(name, { steps: [17] }, [netnsFailure]);
    assert.equal(comparisonOf(good.exec, good.ffi).passed, true);
    assert.equal(comparisonOf(failed("upstream"), good.exec, good.ffi).passed, true);
    assert.equal(comparisonOf(failed("exec"), good.ffi).passed, false);
    assert.equal(comparisonOf(good.exec, failed("ffi")).passed, false);
  });

  it("does not pass if no judged program ran", () => {
    assert.equal(comparisonOf(findingsOf("upstream", passing(1))).passed, false);
  });

  it("counts the rounds that passed, and groups equal failures", () => {
    const failures = [null, "a", "b", "a"].map((because) =>
      because === null ? [] : [{ ...netnsFailure, because, kind: "failed" as const }],
    );
    const exec = { ...findingsOf("exec", { steps: [1, 1, 1, 1] }), rounds: failures };
    const [program] = comparisonOf(exec).programs;
    assert.equal(program?.roundsPassed, 1);
    assert.deepEqual(
      program?.failures.map(({ because, rounds }) => [because, rounds]),
      [
        ["a", [2, 4]],
        ["b", [3]],
      ],
    );
  });

  it("judges only the geometric mean of the TCP tests, in either direction", () => {
    const goalsAt = (gbit: number) =>
      comparisonOf(findingsOf("exec", passing(1)), findingsOf("ffi", passing(gbit))).goals;
    assert.deepEqual(
      [0.94, 0.96, 1.04, 1.06].map((gbit) => goalsAt(gbit)[0]?.reached),
      [false, true, true, false],
    );
    assert.match(goalsAt(0.96)[0]?.sentence ?? "", /of 2 TCP tests: 0\.960, within 5 %\.$/);
    assert.deepEqual(comparisonOf(findingsOf("exec", passing(1))).goals, []);
  });

  it("compares each iperf3 test by the medians of its rounds", () => {
    const id = "ipv4-outside-mtu-1420-tcp-ipv4";
    const result = comparisonOf(
      findingsOf("exec", { [id]: [1, 2, 30] }),
      findingsOf("ffi", { [id]: [1, 1, 50] }),
    );
    const { programs } = figureOf(result, id);
    assert.deepEqual([programs.exec?.median, programs.ffi?.median], [2, 1]);
  });

  it("shows the tests that only one program reached, in the script's order", () => {
    const { figures } = comparisonOf(
      findingsOf("exec", {
        "ipv6-outside-big-mtu-tcp-ipv6": [1],
        "ipv6-outside-big-mtu-tcp-ipv4": [1],
      }),
      findingsOf("ffi", { "ipv4-outside-mtu-1420-udp-ipv4": [1] }),
    );
    assert.deepEqual(
      figures.map(({ id }) => id),
      [
        "ipv4-outside-mtu-1420-udp-ipv4",
        "ipv6-outside-big-mtu-tcp-ipv4",
        "ipv6-outside-big-mtu-tcp-ipv6",
      ],
    );
  });
});
