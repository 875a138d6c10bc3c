import assert from "node:assert/strict";
import { stepOf } from "../../compare/steps.js";

describe("stepOf", () => {
  it("reads the step that netns.sh announces in bold and green", () => {
    assert.equal(stepOf("\u001b[32m\u001b[1m[+] NS1: wg show\u001b[0m"), "NS1: wg show");
  });

  it("finds it behind what a command printed without a line end", () => {
    assert.equal(stepOf(".\b \b\u001b[32m\u001b[1m[+] wg genkey\u001b[0m"), "wg genkey");
  });

  it("does not take a program's own text for a step", () => {
    assert.equal(stepOf("[+] NS1: wg show"), undefined);
    assert.equal(stepOf(""), undefined);
  });
});
