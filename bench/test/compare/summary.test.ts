import assert from "node:assert/strict";
import { failuresOf } from "../../compare/summary.js";
import { comparisonOf, failedRun, failure, legsAt, measured, passedRun } from "./fixtures.js";

const at = (gbit: number | null) => ({ ...passedRun, legs: legsAt(gbit) });

describe("a comparison", () => {
  it("is passed when exec and ffi passed every run, whatever another program did", () => {
    const programs = [
      measured("upstream", [failedRun, failedRun]),
      measured("exec", [passedRun, passedRun]),
      measured("ffi", [passedRun, passedRun]),
    ];
    assert.equal(comparisonOf(...programs).passed, true);
  });

  for (const name of ["exec", "ffi"]) {
    it(`is not passed when one run of ${name} failed`, () => {
      const programs = ["exec", "ffi"].map((other) =>
        measured(other, other === name ? [passedRun, failedRun] : [passedRun, passedRun]),
      );
      const comparison = comparisonOf(...programs);
      assert.equal(comparison.passed, false);
      assert.equal(comparison.programs.find((program) => program.name === name)?.runsPassed, 1);
    });
  }

  it("is not passed when no judged program ran", () => {
    assert.equal(comparisonOf(measured("upstream", [passedRun])).passed, false);
  });

  it("compares each iperf3 test by the medians of its runs", () => {
    const { legs } = comparisonOf(
      measured("exec", [at(1), at(2), at(30)]),
      measured("ffi", [at(1), at(1), at(50)]),
    );
    assert.deepEqual(legs[0], {
      section: "IPv4 outside, MTU 1420",
      transport: "TCP",
      inside: "IPv4",
      gbitPerSecond: { exec: 2, ffi: 1 },
      ffiToExec: 0.5,
    });
  });

  it("makes its mean from the TCP tests alone", () => {
    const { tcpRatio } = comparisonOf(measured("exec", [at(2)]), measured("ffi", [at(1)]));
    assert.ok(Math.abs((tcpRatio.ffiToExec ?? 0) - 0.5) < 1e-12);
    assert.equal(tcpRatio.legs, 2);
  });

  it("says whether the mean is within 5 %, in either direction", () => {
    const within = (gbit: number) =>
      comparisonOf(measured("exec", [at(1)]), measured("ffi", [at(gbit)])).tcpRatio
        .withinFivePercent;
    assert.deepEqual([0.94, 0.96, 1.04, 1.06].map(within), [false, true, true, false]);
  });

  it("has no ratio where a figure is missing", () => {
    const { legs, tcpRatio } = comparisonOf(measured("exec", [at(null)]), measured("ffi", [at(1)]));
    assert.equal(legs[0]?.ffiToExec, null);
    assert.deepEqual(tcpRatio, { ffiToExec: null, legs: 0, withinFivePercent: null });
  });

  it("shows the tests of a program that got farther than the others, in the script's order", () => {
    const later = legsAt(1).map((leg) => ({ ...leg, section: "IPv6 outside, big MTU" as const }));
    const { legs } = comparisonOf(
      measured("exec", [{ ...failedRun, legs: [...later].reverse() }]),
      measured("ffi", [at(1)]),
    );
    assert.deepEqual(
      legs.map((leg) => `${leg.section} ${leg.transport} ${leg.inside}`),
      [
        "IPv4 outside, MTU 1420 TCP IPv4",
        "IPv4 outside, MTU 1420 TCP IPv6",
        "IPv4 outside, MTU 1420 UDP IPv4",
        "IPv6 outside, big MTU TCP IPv4",
        "IPv6 outside, big MTU TCP IPv6",
        "IPv6 outside, big MTU UDP IPv4",
      ],
    );
  });

  it("knows the number of steps from a run that passed", () => {
    assert.equal(comparisonOf(measured("x", [failedRun, passedRun])).script.steps, 251);
    assert.equal(comparisonOf(measured("x", [failedRun])).script.steps, null);
  });

  it("tells the worst run's steps and the largest memory", () => {
    const larger = { ...passedRun, peakMemoryBytes: 99 };
    const [program] = comparisonOf(
      measured("exec", [{ ...passedRun, peakMemoryBytes: 5 }, larger, failedRun]),
    ).programs;
    assert.equal(program?.stepsPassed, 17);
    assert.equal(program?.peakMemoryBytes, 99);
    assert.equal(program?.seconds, 72.4);
  });
});

describe("failuresOf", () => {
  it("takes the same failure of several runs together", () => {
    const other = { ...failedRun, failure: { ...failure, step: 20 } };
    const stalled = { ...failedRun, failure: { ...failure, kind: "stalled" as const } };
    const runs = [failedRun, passedRun, other, failedRun, stalled];
    const [program] = comparisonOf(measured("exec", runs)).programs;
    assert.ok(program);
    assert.deepEqual(
      failuresOf(program).map((same) => same.runs),
      [[1, 4], [3], [5]],
    );
  });
});
