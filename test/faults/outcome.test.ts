import assert from "node:assert/strict";
import { type Observation, type Outcome, outcomeOf } from "./outcome.js";

const good: Observation = {
  injected: 1,
  start: "ready",
  endedEarly: false,
  code: 0,
  signal: null,
  said: [],
  troubles: [],
  hung: [],
  idleRate: 4,
  left: [],
};

const said = ["ERROR: no memory"];
const acceptsNobody = ["ERROR: The UAPI socket cannot accept a connection, and tries again: no"];

const cases: readonly [string, Partial<Observation>, Outcome][] = [
  ["all is well", {}, "works"],
  ["all is well, and it says that it was not easy", { said }, "works"],
  ["the call was not made", { injected: 0 }, "NOT MET"],
  ["Node.js did not come so far", { start: "not begun", signal: "SIGABRT" }, "NOT MET"],
  ["it refuses to start with a sentence", { start: "refused", code: 1, said }, "refused"],
  ["it refuses to start without one", { start: "refused", code: 1 }, "SILENT"],
  ["a step fails and it says why", { troubles: ["ping"], said }, "refused"],
  ["a step fails and it says nothing", { troubles: ["ping"] }, "SILENT"],
  ["it ends and says why", { endedEarly: true, code: 1, said }, "ended"],
  ["it ends and says nothing", { endedEarly: true, code: 1 }, "SILENT"],
  ["it is not ready in time", { start: "hung" }, "HANG"],
  ["a step gets no answer", { hung: ["asking"], said }, "HANG"],
  [
    "a step gets no answer, as the program says that it can accept nobody for now",
    { hung: ["asking"], said: acceptsNobody },
    "refused",
  ],
  ["it accepts nobody, and does not stop", { hung: ["stopping"], said: acceptsNobody }, "HANG"],
  ["something is left", { left: ["socket"], said }, "LEAK"],
  ["something is left although the fault was not met", { left: ["socket"], injected: 0 }, "LEAK"],
  [
    "the kernel refuses to remove what is left, and it says so",
    { left: ["socket"], said: ["ERROR: UAPI socket /x is left: not permitted"] },
    "refused",
  ],
  [
    "more is left than it says",
    { left: ["interface", "socket"], said: ["ERROR: UAPI socket /x is left: not permitted"] },
    "LEAK",
  ],
  ["it fails without a pause", { idleRate: 5000, said }, "SPIN"],
  ["a signal ends it", { code: null, signal: "SIGSEGV", left: ["socket"] }, "CRASH"],
  ["Go ends it without a word", { code: 2, left: ["socket"] }, "CRASH"],
  ["it panics", { code: 2, said: ["panic: boom", "goroutine 1 [running]:"] }, "PANIC"],
  ["Go's runtime gives up", { code: 2, said: ["fatal error: newosproc"] }, "CRASH"],
  ["what went to the background panics", { said: ["panic: boom"], left: ["socket"] }, "PANIC"],
  ["Node.js gives up", { code: 1, said: ["node:internal/process:1"] }, "CRASH"],
];

describe("the outcome of a run under a fault", () => {
  for (const [title, seen, outcome] of cases) {
    it(`is ${outcome} if ${title}`, () => {
      assert.equal(outcomeOf({ ...good, ...seen }), outcome);
    });
  }
});
