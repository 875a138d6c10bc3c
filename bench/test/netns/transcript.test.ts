import assert from "node:assert/strict";
import { stepOf, Transcript } from "../../netns/transcript.js";
import { announce, recorded } from "./fixtures.js";

function read(text: string) {
  const transcript = new Transcript();
  for (const line of text.trimEnd().split("\n")) transcript.read(line);
  const { progress, complete, legs, lastLines } = transcript;
  return { progress, complete, legs, lastLines };
}

describe("Transcript", () => {
  it("follows a run that passes to its last step", () => {
    const { progress, complete } = read(recorded("passing"));
    assert.equal(complete, true);
    assert.deepEqual(progress, {
      step: 251,
      section: "30 peers",
      command: "Objects that were created were also destroyed.",
    });
  });

  it("finds the sixteen iperf3 tests of that run", () => {
    const { legs } = read(recorded("passing"));
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
    const { progress, complete, lastLines } = read(recorded("start-up-failing"));
    assert.equal(complete, false);
    assert.deepEqual(progress, {
      step: 14,
      section: "set-up",
      command: "NS1: ip addr add 192.168.241.1/24 dev wg1",
    });
    assert.equal(lastLines.at(-1), 'Cannot find device "wg1"');
  });

  it("names the section of a late failure", () => {
    const { progress } = read(recorded("sticky-source-failing"));
    assert.equal(progress.section, "sticky source");
    assert.equal(progress.step, 205);
  });

  it("does not count the last step as done if the clean-up began before it", () => {
    const { complete } = read(
      announce("NS0: ip link del dev wg1") +
        announce("Objects that were created were also destroyed."),
    );
    assert.equal(complete, false);
  });

  it("keeps the last lines as plain text, without the engine's debug lines", () => {
    const lines = Array.from({ length: 20 }, (_, index) => `\u001b[31mline ${index}\n`);
    const { lastLines } = read(`${lines.join("")}DEBUG: (wg1) chatter\n\nERROR: (wg1) cause\n`);
    assert.equal(lastLines.length, 12);
    assert.equal(lastLines[0], "line 9");
    assert.equal(lastLines.at(-1), "ERROR: (wg1) cause");
  });

  it("counts a step that the output ends with", () => {
    assert.equal(read(announce("wg genkey") + announce("wg pubkey").trimEnd()).progress.step, 2);
  });

  it("says whether a line begins a new step", () => {
    const transcript = new Transcript();
    assert.equal(transcript.read("some text"), false);
    assert.equal(transcript.read(announce("wg genkey").trimEnd()), true);
    assert.equal(transcript.read(announce("NS0: ip link del dev wg1").trimEnd()), false);
  });
});

describe("stepOf", () => {
  it("reads the step that netns.sh announces in bold and green", () => {
    assert.equal(stepOf("\u001b[32m\u001b[1m[+] NS1: wg show\u001b[0m"), "NS1: wg show");
  });

  it("finds it after output of a command without a newline", () => {
    assert.equal(stepOf(".\b \b\u001b[32m\u001b[1m[+] wg genkey\u001b[0m"), "wg genkey");
  });

  it("does not mistake a program's own text for a step", () => {
    assert.equal(stepOf("[+] NS1: wg show"), undefined);
    assert.equal(stepOf(""), undefined);
  });
});
