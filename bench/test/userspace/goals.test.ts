import assert from "node:assert/strict";
import type { Result } from "../../result.js";
import { summarise } from "../../summary.js";
import { figures, legs } from "../../userspace/figures.js";
import { userspace } from "../../userspace/userspace.js";
import { findingsOf, headingOf, type Samples } from "../fixtures.js";

/** Returns the summary of these samples, by program. */
function resultOf(samples: Readonly<Record<string, Samples>>): Result {
  const programs = Object.entries(samples).map(([name, own]) => findingsOf(name, own));
  return summarise(userspace, headingOf(programs), programs);
}

describe("the benchmark of userspace tunnels", () => {
  it("names every figure once, in a leg that exists", () => {
    assert.equal(new Set(figures.map(({ id }) => id)).size, figures.length);
    assert.deepEqual(
      legs.filter((leg) => !figures.some((figure) => figure.leg === leg)),
      [],
    );
    const known: readonly string[] = legs;
    assert.deepEqual(
      figures.filter(({ leg }) => !known.includes(leg)),
      [],
    );
  });

  it("judges the median of the ratios of one round each", () => {
    // The ratio of the medians would be 2.
    const { goals } = resultOf({
      upstream: { "tcp-1-up": [1, 2, 4] },
      netstack: { "tcp-1-up": [3, 5, 4] },
    });
    assert.deepEqual(goals, [
      {
        sentence:
          "netstack: one stream up, 2.50 of upstream; the goal is at least 2.3: reached; the aim is 3: missed.",
        reached: true,
      },
    ]);
  });

  it("leaves out rounds in which one of the two has no figure, and goals without any", () => {
    const { goals } = resultOf({
      tun: { "node-up": [null, 1, 1], "http-1": [null, null, null] },
      exec: { "node-up": [9, 0.5, null], "http-1": [1, 1, 1] },
    });
    assert.deepEqual(
      goals.map(({ sentence }) => sentence),
      [
        "exec: a Node.js stream up, 0.50 of tun; the goal is at least 0.7: missed; the aim is 0.9: missed.",
      ],
    );
  });

  for (const [cpu, reached, aim] of [
    [0.89, false, "missed"],
    [0.94, true, "missed"],
    [0.96, true, "reached"],
    [1.11, false, "missed"],
  ] as const) {
    it(`${reached ? "accepts" : "refuses"} a ratio of ${cpu} of ffi to exec`, () => {
      const { goals } = resultOf({ exec: { "node-up-cpu": [1] }, ffi: { "node-up-cpu": [cpu] } });
      assert.deepEqual(
        goals.map((goal) => goal.reached),
        [reached],
      );
      assert.match(goals[0]?.sentence ?? "", new RegExp(`the aim is within 0.05 of 1: ${aim}`));
    });
  }

  it("judges what needs no other program by itself, and fails if a goal is missed", () => {
    const of = (memory: number) => resultOf({ exec: { "node-memory": [memory] } });
    assert.deepEqual(of(32).goals, [
      {
        sentence:
          "exec: peak memory of the child, 32.0 MiB; the goal is at most 32: reached; the aim is 24: missed.",
        reached: true,
      },
    ]);
    assert.equal(of(32).passed, true);
    assert.equal(of(33).passed, false);
  });
});
