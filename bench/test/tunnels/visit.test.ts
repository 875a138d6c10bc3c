import assert from "node:assert/strict";
import { readFinding, readVisit } from "../../tunnels/visit.js";

describe("a visit", () => {
  const visit = {
    command: ["/bin/program", "--option"],
    env: { WG_BRIDGE_DISABLE: "uso" },
    host: ["node", "host.js"],
    seconds: 2,
    legs: ["tcp", "ping"],
  };

  it("arrives as it was sent", () => {
    assert.deepEqual(readVisit(JSON.stringify(visit)), visit);
    const alone = { ...visit, env: {}, host: null };
    assert.deepEqual(readVisit(JSON.stringify(alone)), alone);
  });

  it("is refused without a program or without seconds", () => {
    for (const text of ["{}", "null", '{"seconds":1}', '{"command":["x"]}']) {
      assert.throws(() => readVisit(text), { message: `This is no visit: ${text}` });
    }
  });
});

describe("a line of the probe", () => {
  it("is what it does, finds, or fails in", () => {
    for (const finding of [
      { kind: "doing", leg: "tcp", what: "TCP" },
      { kind: "found", id: "start", value: 0 },
      { kind: "failed", leg: "udp", because: "no answer" },
    ]) {
      assert.deepEqual(readFinding(JSON.stringify(finding)), finding);
    }
  });

  it("is chatter otherwise", () => {
    for (const line of [
      "",
      "warning: something",
      "1",
      "null",
      '{"kind":"found","id":"start","value":null}',
      '{"kind":"doing","leg":"unknown","what":"x"}',
      '{"kind":"failed","leg":"tcp"}',
      '{"kind":"other","leg":"tcp","what":"x","because":"y"}',
    ]) {
      assert.equal(readFinding(line), undefined, line);
    }
  });
});
