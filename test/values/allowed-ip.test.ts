import assert from "node:assert/strict";
import { WgBridgeError } from "../../src/errors.js";
import { allowedIp } from "../../src/values/allowed-ip.js";

describe("an allowed IP", () => {
  const normal: readonly (readonly [string, string])[] = [
    ["10.0.0.1/24", "10.0.0.0/24"],
    ["10.255.255.255/9", "10.128.0.0/9"],
    ["10.0.0.1", "10.0.0.1/32"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["FD00::1/64", "fd00::/64"],
    ["fd00::ffff/121", "fd00::ff80/121"],
    ["fd00::1", "fd00::1/128"],
    ["::/0", "::/0"],
  ];
  for (const [text, prefix] of normal) {
    it(`is normalised: ${text}`, () => assert.equal(allowedIp(text), prefix));
  }

  it("is refused if it is not valid", () => {
    const bad = [
      "",
      "10.0.0.0/33",
      "10.0.0/8",
      "::/129",
      "10.0.0.0/",
      "10.0.0.0/08",
      "10.0.0.0/+8",
    ];
    for (const text of [...bad, "fe80::1%eth0/64", "10.0.0.0/8\n", "a/b"]) {
      assert.throws(
        () => allowedIp(text),
        (error) => error instanceof WgBridgeError && error.code === "WG_BRIDGE_ALLOWED_IP",
        text,
      );
    }
  });
});
