import assert from "node:assert/strict";
import { WgBridgeError } from "../../src/errors.js";
import { formatEndpoint, isNumeric, parseEndpoint } from "../../src/values/endpoint.js";

describe("an endpoint", () => {
  const good: readonly (readonly [string, string, boolean])[] = [
    ["192.0.2.1:51820", "192.0.2.1", true],
    ["[2001:db8::1]:51820", "2001:db8::1", true],
    ["[fe80::1%eth0]:1", "fe80::1%eth0", true],
    ["vpn.example.org:65535", "vpn.example.org", false],
    ["my_host:1", "my_host", false],
  ];
  for (const [text, host, numeric] of good) {
    it(`is read and written: ${text}`, () => {
      const endpoint = parseEndpoint(text);
      assert.equal(endpoint.host, host);
      assert.equal(formatEndpoint(endpoint), text);
      assert.equal(isNumeric(endpoint), numeric);
    });
  }

  it("is refused if it is not valid", () => {
    const bad = ["", "192.0.2.1", ":1", "192.0.2.1:0", "192.0.2.1:65536", "2001:db8::1:51820"];
    const worse = ["[192.0.2.1]:1", "192.0.2.256:1", "[fe80::1%a b]:1", "a b:1", "-x:1", "a..b:1"];
    for (const text of [...bad, ...worse, "[::1]", "name:1\n", "[fe80::1%]:1"]) {
      assert.throws(
        () => parseEndpoint(text),
        (error) => error instanceof WgBridgeError && error.code === "WG_BRIDGE_ENDPOINT",
        text,
      );
    }
  });
});
