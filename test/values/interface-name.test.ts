import assert from "node:assert/strict";
import fc from "fast-check";
import { WgBridgeError } from "../../src/errors.js";
import { checkInterfaceName, maxInterfaceNameBytes } from "../../src/values/interface-name.js";

describe("an interface name", () => {
  const refused: readonly (readonly [string, string])[] = [
    ["", "is empty"],
    ["sixteen-bytes-ab", "is 16 bytes long"],
    ["ééééééééw", "is 17 bytes long"],
    ["a/b", 'holds "/"'],
    ["a b", "holds white space"],
    ["a\nb", "holds white space"],
    ["a\0b", "holds a NUL"],
    ["a:b", 'holds ":"'],
    [".", "directory"],
    ["..", "directory"],
  ];
  for (const [name, fault] of refused) {
    it(`${JSON.stringify(name)} is refused because it ${fault}`, () => {
      assert.throws(
        () => checkInterfaceName(name),
        (error) =>
          error instanceof WgBridgeError &&
          error.code === "WG_BRIDGE_INTERFACE_NAME" &&
          error.message.includes(fault),
      );
    });
  }

  it("is returned unchanged if Linux accepts it", () => {
    const letters = fc.constantFrom(..."abcXYZ019-_.=+%");
    const names = fc.string({ unit: letters, minLength: 1, maxLength: maxInterfaceNameBytes });
    fc.assert(
      fc.property(names, (name) => {
        fc.pre(name !== "." && name !== "..");
        assert.equal(checkInterfaceName(name), name);
      }),
    );
  });
});
