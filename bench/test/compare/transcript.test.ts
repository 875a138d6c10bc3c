import assert from "node:assert/strict";
import fc from "fast-check";
import { Transcript } from "../../compare/transcript.js";
import { announce, recorded } from "./fixtures.js";

function read(chunks: readonly string[]) {
  const transcript = new Transcript();
  for (const chunk of chunks) transcript.write(chunk);
  transcript.end();
  const { progress, complete, legs, lastLines } = transcript;
  return { progress, complete, legs, lastLines };
}

describe("Transcript", () => {
  it("follows a run that passes to its last step", () => {
    const { progress, complete } = read([recorded("passing")]);
    assert.equal(complete, true);
    assert.deepEqual(progress, {
      step: 251,
      section: "30 peers",
      command: "Objects that were created were also destroyed.",
    });
  });

  it("finds the sixteen iperf3 tests of such a run", () => {
    const { legs } = read([recorded("passing")]);
    assert.deepEqual(
      legs.map(({ gbitPerSecond }) => gbitPerSecond),
      [
        0.67, 0.543, 0.0498, 0.0577, 1.21, 1.56, 0.394, 0.263, 0.854, 0.852, 0.073, 0.0949, 1.99,
        2.11, 0.802, 0.728,
      ],
    );
    assert.equal(new Set(legs.map(({ section }) => section)).size, 4);
  });

  it("stops at the step that failed; the clean-up does not count", () => {
    const { progress, complete, lastLines } = read([recorded("start-up-failing")]);
    assert.equal(complete, false);
    assert.deepEqual(progress, {
      step: 14,
      section: "set-up",
      command: "NS1: ip addr add 192.168.241.1/24 dev wg1",
    });
    assert.equal(lastLines.at(-1), 'Cannot find device "wg1"');
  });

  it("names the section of a late failure", () => {
    const { progress } = read([recorded("sticky-source-failing")]);
    assert.equal(progress.section, "sticky source");
    assert.equal(progress.step, 205);
  });

  it("does not take the last step for done when the clean-up has begun before it", () => {
    const { complete } = read([
      announce("NS0: ip link del dev wg1"),
      announce("Objects that were created were also destroyed."),
    ]);
    assert.equal(complete, false);
  });

  it("keeps the last lines as plain text, without the engine's debug lines", () => {
    const lines = Array.from({ length: 20 }, (_, index) => `\u001b[31mline ${index}\n`);
    const { lastLines } = read([...lines, "DEBUG: (wg1) chatter\n", "\n", "ERROR: (wg1) cause\n"]);
    assert.equal(lastLines.length, 12);
    assert.equal(lastLines[0], "line 9");
    assert.equal(lastLines.at(-1), "ERROR: (wg1) cause");
  });

  it("counts a step that the output ends in", () => {
    assert.equal(read([announce("wg genkey"), announce("wg pubkey").trimEnd()]).progress.step, 2);
  });

  it("tells whether a chunk began a new step", () => {
    const transcript = new Transcript();
    assert.equal(transcript.write("some text\n"), false);
    assert.equal(transcript.write(announce("wg genkey")), true);
    assert.equal(transcript.write(announce("NS0: ip link del dev wg1")), false);
  });

  for (const name of ["passing", "sticky-source-failing"] as const) {
    it(`reads the output "${name}" the same however it is cut`, () => {
      const text = recorded(name);
      const whole = read([text]);
      fc.assert(
        fc.property(fc.array(fc.nat(text.length), { maxLength: 400 }), (cuts) => {
          const places = [0, ...cuts.sort((a, b) => a - b), text.length];
          const chunks = places.map((place, index) => text.slice(place, places[index + 1]));
          assert.deepEqual(read(chunks), whole);
        }),
        { numRuns: 50 },
      );
    });
  }
});
