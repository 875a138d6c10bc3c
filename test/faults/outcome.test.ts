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
const cannotAccept = ["ERROR: The UAPI socket cannot accept a connection, and tries again: no"];

const cases: readonly [string, Partial<Observation>, Outcome][] = [
  ["all is well", {}, "works"],
  ["all is well, and it reports a problem", { said }, "works"],
  ["the call was not made", { injected: 0 }, "NOT MET"],
  ["Node.js did not start", { start: "not begun", signal: "SIGABRT" }, "NOT MET"],
  ["it refuses to start and says why", { start: "refused", code: 1, said }, "refused"],
  ["it refuses to start and says nothing", { start: "refused", code: 1 }, "SILENT"],
  ["a step fails and it says why", { troubles: ["ping"], said }, "refused"],
  ["a step fails and it says nothing", { troubles: ["ping"] }, "SILENT"],
  ["it ends and says why", { endedEarly: true, code: 1, said }, "ended"],
  ["it ends and says nothing", { endedEarly: true, code: 1 }, "SILENT"],
  ["it is not ready in time", { start: "hung" }, "HANG"],
  ["a step gets no answer", { hung: ["asking"], said }, "HANG"],
  [
    "a step gets no answer because the program reports that it cannot accept clients",
    { hung: ["asking"], said: cannotAccept },
    "refused",
  ],
  [
    "it is not ready in time because, as it reports, it cannot accept clients",
    { start: "hung", hung: ["configuring"], said: cannotAccept },
    "refused",
  ],
  [
    "it cannot accept clients and does not stop",
    { hung: ["stopping"], said: cannotAccept },
    "HANG",
  ],
  ["something is left", { left: ["socket"], said }, "LEAK"],
  ["something is left although no fault was injected", { left: ["socket"], injected: 0 }, "LEAK"],
  [
    "the kernel refuses to remove what is left, and the program reports that",
    { left: ["socket"], said: ["ERROR: UAPI socket /x is left: not permitted"] },
    "refused",
  ],
  [
    "more is left than it reports",
    { left: ["interface", "socket"], said: ["ERROR: UAPI socket /x is left: not permitted"] },
    "LEAK",
  ],
  ["it fails without a pause", { idleRate: 5000, said }, "SPIN"],
  ["a signal ends it", { code: null, signal: "SIGSEGV", left: ["socket"] }, "CRASH"],
  ["Go ends it silently", { code: 2, left: ["socket"] }, "CRASH"],
  ["it panics", { code: 2, said: ["panic: boom", "goroutine 1 [running]:"] }, "PANIC"],
  ["Go's runtime gives up", { code: 2, said: ["fatal error: newosproc"] }, "CRASH"],
  ["a background process panics", { said: ["panic: boom"], left: ["socket"] }, "PANIC"],
  ["Node.js gives up", { code: 1, said: ["node:internal/process:1"] }, "CRASH"],
];

describe("the outcome of a run under a fault", () => {
  for (const [title, seen, outcome] of cases) {
    it(`is ${outcome} if ${title}`, () => {
      assert.equal(outcomeOf({ ...good, ...seen }), outcome);
    });
  }
});
