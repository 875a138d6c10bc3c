import assert from "node:assert/strict";
import { closeness, verdictOn } from "../../tunnels/summary.js";
import { around, ordinary, resultOf, told } from "./fixtures.js";

function figureOf(result: typeof ordinary, id: string) {
  const figure = result.figures.find((candidate) => candidate.id === id);
  assert.ok(figure !== undefined, `there is no figure ${id}`);
  return figure;
}

describe("a verdict on ratios to upstream", () => {
  it("needs the whole interval on one side of 1, and knows whether more is better", () => {
    assert.equal(verdictOn({ low: 1.01, high: 1.2 }, "more"), "better");
    assert.equal(verdictOn({ low: 1.01, high: 1.2 }, "less"), "worse");
    assert.equal(verdictOn({ low: 0.7, high: 0.9 }, "more"), "worse");
    assert.equal(verdictOn({ low: 0.7, high: 0.9 }, "less"), "better");
  });

  it("is refused where the noise reaches over 1, or touches it", () => {
    assert.equal(verdictOn({ low: 0.9, high: 1.1 }, "more"), "undecided");
    assert.equal(verdictOn({ low: 1, high: 1.1 }, "more"), "undecided");
    assert.equal(verdictOn({ low: 0.9, high: 1 }, "less"), "undecided");
  });

  it("is refused without an interval", () => {
    assert.equal(verdictOn(null, "more"), "too few rounds");
  });
});

describe("a verdict on ffi to exec", () => {
  it("needs the whole interval inside or outside 3 percent", () => {
    assert.equal(closeness({ low: 0.97, high: 1.03 }), "within");
    assert.equal(closeness({ low: 1.04, high: 1.2 }), "beyond");
    assert.equal(closeness({ low: 0.5, high: 0.96 }), "beyond");
    assert.equal(closeness({ low: 0.96, high: 1 }), "undecided");
    assert.equal(closeness({ low: 0.9, high: 1.1 }), "undecided");
    assert.equal(closeness(null), "too few rounds");
  });
});

describe("the summary", () => {
  it("gives each figure its samples by round, its median and its quartiles", () => {
    const exec = resultOf(
      told("upstream", { start: [1, 1, 1, 1] }),
      told("exec", { start: [8, null, 2, 4] }),
    );
    const figure = figureOf(exec, "start").programs.exec;
    assert.deepEqual(figure?.samples, [8, null, 2, 4]);
    assert.equal(figure?.median, 4);
    assert.deepEqual(figure?.quartiles, { low: 3, high: 6 });
  });

  it("compares every program with upstream in the same round", () => {
    const { programs } = figureOf(ordinary, "tcp-1420-1-up");
    assert.equal(programs.upstream?.toUpstream, null);
    assert.equal(programs.exec?.toUpstream?.verdict, "better");
    assert.ok(programs.exec?.toUpstream?.byRound.every((one) => Math.abs((one ?? 0) - 1.5) < 1e-9));
    assert.equal(programs.small?.toUpstream?.verdict, "worse");
    assert.equal(figureOf(ordinary, "start").programs.ffi?.toUpstream?.verdict, "worse");
  });

  it("takes a slow round for what it is: both were slow in it", () => {
    const slow = [1, 1, 0.1, 1, 0.2, 1];
    const result = resultOf(
      told("upstream", { "tcp-1420-1-up": slow }),
      told("exec", { "tcp-1420-1-up": slow.map((value) => value * 1.1) }),
    );
    assert.equal(figureOf(result, "tcp-1420-1-up").programs.exec?.toUpstream?.verdict, "better");
  });

  it("refuses a verdict to rounds that do not agree, and to fewer than six", () => {
    assert.equal(
      figureOf(ordinary, "tcp-9000-1-up").programs.exec?.toUpstream?.verdict,
      "undecided",
    );
    const few = resultOf(
      told("upstream", { start: around(1).slice(0, 5) }),
      told("exec", { start: around(2).slice(0, 5) }),
    );
    const figure = figureOf(few, "start").programs.exec?.toUpstream;
    assert.equal(figure?.verdict, "too few rounds");
    assert.equal(figure?.interval, null);
    assert.ok(Math.abs((figure?.median ?? 0) - 2) < 1e-9);
  });

  it("gives no ratio of losses where one is 0 in some round", () => {
    const { programs } = figureOf(ordinary, "udp-250-loss");
    assert.equal(programs.exec?.median, 0);
    assert.equal(programs.exec?.toUpstream, null);
    const mostly = resultOf(
      told("upstream", { "udp-250-loss": [1, 1, 0, 1, 1, 1, 1, 1] }),
      told("exec", { "udp-250-loss": [2, 2, 2, 2, 2, 2, 2, 2] }),
    );
    assert.equal(figureOf(mostly, "udp-250-loss").programs.exec?.toUpstream, null);
    const lossy = resultOf(
      told("upstream", { "udp-overload-loss": around(80) }),
      told("exec", { "udp-overload-loss": around(40) }),
    );
    assert.equal(figureOf(lossy, "udp-overload-loss").programs.exec?.toUpstream?.verdict, "better");
  });

  it("gives a ratio still where a program has no sample of some round", () => {
    const gap = resultOf(
      told("upstream", { start: [1, null, 1] }),
      told("exec", { start: [null, 2, 2] }),
    );
    assert.deepEqual(figureOf(gap, "start").programs.exec?.toUpstream?.byRound, [null, null, 2]);
  });

  it("compares ffi with exec in what crosses a tunnel alone", () => {
    assert.equal(figureOf(ordinary, "tcp-1420-1-up").ffiToExec?.verdict, "within");
    assert.equal(figureOf(ordinary, "start").ffiToExec, null);
  });

  it("leaves out what nobody measured, and a program without a sample", () => {
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

  it("tells each failure once, and in how many rounds", () => {
    assert.deepEqual(ordinary.programs.find(({ name }) => name === "small")?.failures, [
      { leg: "tcp-9000", because: "It does not carry a packet of 9000 bytes.", rounds: 9 },
    ]);
  });

  it("tells how noisy upstream was, and how much of it ratios take away", () => {
    const drift = [1, 2, 3, 4, 5];
    const { noise } = resultOf(
      told("upstream", { start: drift }),
      told("exec", { start: drift.map((value) => value * 2) }),
    );
    assert.ok(Math.abs((noise.upstream ?? 0) - 2 / 3) < 1e-9);
    assert.equal(noise.ratios, 0);
    assert.equal(resultOf(told("upstream", { start: [1, 2] })).noise.upstream, null);
  });
});
