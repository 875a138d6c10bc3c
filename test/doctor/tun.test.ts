import assert from "node:assert/strict";
import { judgeTun } from "../../src/doctor/findings.js";

describe("the finding about /dev/net/tun", () => {
  it("is ok when it can be opened", () => {
    assert.equal(judgeTun({ state: "open" }).mark, "ok");
  });

  for (const [code, detail, fix] of [
    ["ENOENT", /does not exist/, /modprobe tun\n.*mknod \/dev\/net\/tun c 10 200/],
    ["ENODEV", /no driver/, /modprobe tun/],
    ["EACCES", /this user/, /chmod 666/],
    ["EPERM", /container/, /--device \/dev\/net\/tun/],
    ["EIO", /EIO/, /mknod/],
  ] as const) {
    it(`says what ${code} means and what fixes it`, () => {
      const finding = judgeTun({ state: "failed", code });
      assert.equal(finding.mark, "fail");
      assert.match(finding.detail, detail);
      assert.match(finding.fixes.join("\n"), fix);
    });
  }

  it("fails when another file has that name", () => {
    const finding = judgeTun({ state: "other-file", kind: "a directory" });
    assert.equal(finding.mark, "fail");
    assert.match(finding.detail, /a directory/);
  });
});
