import assert from "node:assert/strict";
import { findTun } from "../../src/doctor/tun.js";

describe("the finding on /dev/net/tun", () => {
  it("is ok when it can be opened", () => {
    assert.equal(findTun({ state: "open" }).mark, "ok");
  });

  for (const [code, detail, cure] of [
    ["ENOENT", /does not exist/, /modprobe tun\n.*mknod \/dev\/net\/tun c 10 200/],
    ["ENODEV", /no driver/, /modprobe tun/],
    ["EACCES", /this user/, /chmod 666/],
    ["EPERM", /container/, /--device \/dev\/net\/tun/],
    ["EIO", /EIO/, /mknod/],
  ] as const) {
    it(`says what ${code} means and what cures it`, () => {
      const finding = findTun({ state: "failed", code });
      assert.equal(finding.mark, "lack");
      assert.match(finding.detail, detail);
      assert.match(finding.cures.join("\n"), cure);
    });
  }

  it("is a lack when another file has that name", () => {
    const finding = findTun({ state: "other-file", is: "a directory" });
    assert.equal(finding.mark, "lack");
    assert.match(finding.detail, /a directory/);
  });
});
