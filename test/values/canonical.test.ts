import assert from "node:assert/strict";
import fc from "fast-check";
import { formatAddress, parseAddress } from "../../src/values/address.js";
import { isCanonicalIPv4Endpoint, isCanonicalPrefix } from "../../src/values/canonical.js";
import { addresses } from "../uapi/arbitrary.js";

function isPrefix(text: string): boolean {
  const bytes = Buffer.from(`<${text}>`);
  return isCanonicalPrefix(bytes, 1, bytes.length - 1);
}

function isEndpoint(text: string): boolean {
  const bytes = Buffer.from(`<${text}>`);
  return isCanonicalIPv4Endpoint(bytes, 1, bytes.length - 1);
}

/** Answers the same question slowly, by reading the text and writing it again. */
function isPrefixSlowly(text: string): boolean {
  const [address = "", length = "", ...rest] = text.split("/");
  const bytes = parseAddress(address);
  if (bytes === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(length)) return false;
  if (Number(length) > bytes.length * 8 || formatAddress(bytes) !== address) return false;
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return !bits.slice(Number(length)).includes("1");
}

describe("a normalised prefix", () => {
  const lengths = fc.integer({ min: 0, max: 130 });
  const shapes = fc.oneof(
    fc.tuple(addresses, lengths).map(([address, length]) => `${address}/${length}`),
    fc.stringMatching(/^[0-9a-f:]{1,12}\/[0-9]{1,3}$/),
    fc.stringMatching(/^(?:[0-9]{1,3}\.){3}0\/[0-9]{1,2}$/),
    fc.stringMatching(/^(?:[0-9a-f]{0,4}:){2,8}\/(?:0|16|32|64|128)$/),
    fc.constantFrom("::/0", "0.0.0.0/0", "1::/16", "::1/128", "fd00::/8", "1:2:3:4:5:6:7:8/128"),
  );

  it("is recognised from its bytes, except for dots in IPv6", () => {
    fc.assert(
      fc.property(shapes, (text) => {
        const dotted = text.includes(":") && text.includes(".");
        assert.equal(isPrefix(text), !dotted && isPrefixSlowly(text), text);
      }),
      { numRuns: 5000 },
    );
  });

  it("is the whole of the bytes, and nothing else is recognised", () => {
    for (const text of [
      "",
      "/",
      "::",
      "::/",
      "1.2.3.4",
      "1.2.3.4/032",
      "10.0.0.0/8 ",
      "1:/16",
      ":1/128",
      ":::/0",
      "1:2:3::5:6:7:8/128",
      "1::2::3/128",
    ]) {
      assert.ok(!isPrefix(text), text);
    }
    assert.ok(!isPrefix("\u0131.0.0.0/8"));
  });
});

describe("an IPv4 endpoint", () => {
  it("is recognised from its bytes", () => {
    for (const text of ["1.2.3.4:5", "255.255.255.255:65535"]) assert.ok(isEndpoint(text), text);
    for (const text of [
      "1.2.3.4:0",
      "1.2.3.4:65536",
      "1.2.3:4",
      "01.2.3.4:5",
      "1.2.3.256:5",
      "1.2.3.4:5x",
    ]) {
      assert.ok(!isEndpoint(text), text);
    }
  });
});
