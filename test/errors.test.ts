import assert from "node:assert/strict";
import { inspect } from "node:util";
import { ConfigError, parseConfig, WgBridgeError } from "../src/index.js";

function thrownBy(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

const plain = new WgBridgeError("WG_BRIDGE_KEY", "This is a test.", { cause: new Error("inner") });
const ofConfig = thrownBy(() => parseConfig("["));

describe("an error", () => {
  it("has the name of its class, but not as an own property", () => {
    assert.ok(ofConfig instanceof ConfigError);
    for (const [error, name] of [
      [plain, "WgBridgeError"],
      [ofConfig, "ConfigError"],
    ] as const) {
      assert.equal(error.name, name);
      assert.equal(Object.hasOwn(error, "name"), false);
      assert.equal(
        Object.prototype.propertyIsEnumerable.call(Object.getPrototypeOf(error), "name"),
        false,
      );
      assert.equal(String(error), `${name}: ${error.message}`);
    }
  });

  it("has its code, and the diagnostics of a configuration, as enumerable properties", () => {
    assert.deepEqual(Object.keys(plain), ["code"]);
    assert.equal(JSON.stringify(plain), '{"code":"WG_BRIDGE_KEY"}');
    assert.ok(ofConfig instanceof ConfigError);
    assert.deepEqual(
      new Set(Object.keys(ofConfig)),
      new Set(["code", "line", "column", "problem", "expected", "diagnostics"]),
    );
    const enumerated: unknown = JSON.parse(JSON.stringify(ofConfig));
    const { code, line, column, problem, expected, diagnostics } = ofConfig;
    assert.deepEqual(enumerated, { code, line, column, problem, expected, diagnostics });
  });

  it("is shown by inspect with its name once, its stack, code and cause", () => {
    const shown = inspect(plain);
    assert.match(shown, /^WgBridgeError: This is a test\.\n {4}at /);
    assert.match(shown, /code: 'WG_BRIDGE_KEY'/);
    assert.match(shown, /\[cause\]: Error: inner\n/);
    assert.equal(shown.match(/WgBridgeError/g)?.length, 1);
    assert.match(inspect(ofConfig), /^ConfigError: Line 1, column 1 of the configuration: /);
  });

  it("is an instance of its classes, and is recognised by its name in assertions", () => {
    assert.ok(ofConfig instanceof ConfigError && ofConfig instanceof WgBridgeError);
    assert.ok(plain instanceof WgBridgeError && !(plain instanceof ConfigError));
    assert.throws(() => parseConfig("["), {
      name: "ConfigError",
      code: "WG_BRIDGE_CONFIG",
      line: 1,
    });
    const same = new WgBridgeError("WG_BRIDGE_KEY", "This is a test.", {
      cause: new Error("inner"),
    });
    assert.deepStrictEqual(plain, same);
    assert.notDeepStrictEqual(plain, new WgBridgeError("WG_BRIDGE_LOST", "This is a test."));
  });

  it("keeps its message and stack when it is sent to another thread", () => {
    const clone = structuredClone(plain);
    assert.ok(clone instanceof Error);
    assert.equal(clone.message, plain.message);
    assert.equal(clone.stack, plain.stack);
  });
});
