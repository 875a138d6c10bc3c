import assert from "node:assert/strict";
import { isIP } from "node:net";
import fc from "fast-check";
import { formatAddress, formatAddressAsLibc, parseAddress } from "../../src/values/address.js";

const bytes = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);

describe("an IP address", () => {
  it("is read back as it was written, in both spellings", () => {
    fc.assert(
      fc.property(bytes, (address) => {
        assert.deepEqual(parseAddress(formatAddress(address)), address);
        assert.deepEqual(parseAddress(formatAddressAsLibc(address)), address);
      }),
    );
  });

  it("is accepted exactly if Node.js accepts it, except for zones", () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.stringMatching(/^[0-9a-f:.]{0,20}$/),
      fc.stringMatching(/^(?:[0-9a-f]{0,5}:){0,8}(?:[0-9]{1,3}\.){0,4}[0-9a-f]{0,4}$/),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        assert.equal(parseAddress(candidate) !== undefined, isIP(candidate) !== 0, candidate);
      }),
      { numRuns: 2000 },
    );
  });

  const spellings: readonly (readonly [string, string, string])[] = [
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1", "2001:db8::1:0:0:1"],
    ["0:0:0:0:0:0:0:0", "::", "::"],
    ["::1", "::1", "::1"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ["::ffff:1.2.3.4", "::ffff:1.2.3.4", "::ffff:1.2.3.4"],
    ["::1.2.3.4", "::102:304", "::1.2.3.4"],
    ["::1:2", "::1:2", "::0.1.0.2"],
    ["fe80::1:0:0:0", "fe80::1:0:0:0", "fe80::1:0:0:0"],
  ];
  for (const [text, asEngine, asLibc] of spellings) {
    it(`is written like the engine and like glibc: ${text}`, () => {
      const address = parseAddress(text);
      assert.ok(address !== undefined);
      assert.equal(formatAddress(address), asEngine);
      assert.equal(formatAddressAsLibc(address), asLibc);
    });
  }
});
