import assert from "node:assert/strict";
import { type Section, sectionOf, sections } from "../../netns/sections.js";
import { stepOf } from "../../netns/transcript.js";
import { recorded } from "./fixtures.js";

/** Returns the section of each step of a recorded output. */
function sectionsOf(output: string): Section[] {
  let section: Section = "set-up";
  return output.split("\n").flatMap((line) => {
    const step = stepOf(line);
    if (step === undefined) return [];
    section = sectionOf(step, section);
    return [section];
  });
}

describe("the sections of netns.sh", () => {
  it("all occur in a run that passes, in order", () => {
    assert.deepEqual([...new Set(sectionsOf(recorded("passing")))], sections);
  });

  it("have as many steps as in the script", () => {
    const all = sectionsOf(recorded("passing"));
    const counts = sections.map((name) => all.filter((section) => section === name).length);
    assert.deepEqual(counts, [24, 22, 18, 20, 18, 8, 4, 15, 44, 35, 29, 4, 4, 6, 6]);
  });

  it("begin with the command that the script runs first in them", () => {
    assert.equal(
      sectionOf("NS0: wg set wg1 peer abc= endpoint 127.0.0.1:20000", "set-up"),
      "IPv4 outside, MTU 1420",
    );
    assert.equal(sectionOf("NS1: /opt/wireguard-go wg1", "crypto routing"), "NAT");
    assert.equal(
      sectionOf("NS1: /opt/node /opt/main.js --backend=ffi wg1", "NAT"),
      "sticky source",
    );
  });

  it("do not begin with other commands that name the interface", () => {
    assert.equal(sectionOf("NS1: ip link del wg1", "crypto routing"), "crypto routing");
    assert.equal(sectionOf("NS0: wg showconf wg0", "40 peers"), "40 peers");
  });

  it("lead to the clean-up from anywhere, and never back", () => {
    for (const section of sections) {
      assert.equal(sectionOf("NS0: ip link del dev wg1", section), "clean-up");
    }
    assert.equal(sectionOf("NS1: ip link set wg1 mtu 1420", "clean-up"), "clean-up");
  });
});
