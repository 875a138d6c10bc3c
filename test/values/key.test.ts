import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { inspect } from "node:util";
import { WgBridgeError } from "../../src/errors.js";
import {
  PresharedKey,
  PrivateKey,
  publicKey,
  publicKeyHex,
  writeKeyHex,
} from "../../src/values/key.js";
import { untyped } from "../input/refused.js";

function wg(command: string, input = ""): string {
  return execFileSync("wg", [command], { input, encoding: "utf8" }).trim();
}

describe("a key", () => {
  it("is read from base64 and from hexadecimal digits, and written as base64", () => {
    const base64 = wg("genpsk");
    const hex = Buffer.from(base64, "base64").toString("hex");
    assert.equal(publicKey(base64), base64);
    assert.equal(publicKey(hex.toUpperCase()), base64);
    assert.equal(publicKeyHex(publicKey(base64)), hex);
    for (const kind of [PrivateKey, PresharedKey]) {
      assert.equal(kind.from(base64).toBase64(), base64);
      assert.equal(kind.from(hex).toHex(), hex);
      assert.equal(kind.from(Buffer.from(hex, "hex")).toBase64(), base64);
    }
  });

  it("is refused without being repeated", () => {
    const good = wg("genpsk");
    const bad = ["", good.slice(1), `${good}=`, `${good.slice(0, 42)}B=`, good.replace(/^./, "*")];
    for (const text of [...bad, "a1".repeat(31), "zz".repeat(32), new Uint8Array(31)]) {
      const attempts = [() => PrivateKey.from(text), () => PresharedKey.from(text)];
      for (const attempt of attempts) {
        assert.throws(attempt, (error) => {
          assert.ok(error instanceof WgBridgeError && error.code === "WG_BRIDGE_KEY");
          assert.ok(text.length === 0 || !error.message.includes(String(text)));
          return true;
        });
      }
    }
  });

  it("gives the public key that wg gives", () => {
    const key = PrivateKey.generate();
    assert.equal(key.publicKey(), wg("pubkey", key.toBase64()));
    const unclamped = PrivateKey.from(new Uint8Array(32).fill(255));
    assert.equal(unclamped.publicKey(), wg("pubkey", unclamped.toBase64()));
  });

  it("that is generated is clamped, and new each time", () => {
    const bytes = Buffer.from(PrivateKey.generate().toHex(), "hex");
    assert.equal((bytes[0] ?? 0) & 7, 0);
    assert.equal((bytes[31] ?? 0) & 192, 64);
    assert.notEqual(PrivateKey.generate().toHex(), PrivateKey.generate().toHex());
    assert.notEqual(PresharedKey.generate().toHex(), PresharedKey.generate().toHex());
  });

  it("that is secret is not shown by inspect, JSON or a string", () => {
    for (const key of [PrivateKey.generate(), PresharedKey.generate()]) {
      const nested = { deep: [key] };
      const shown = [
        inspect(nested, { depth: 9, showHidden: true }),
        JSON.stringify(nested),
        `${key}`,
      ];
      for (const text of shown) {
        assert.match(text, /\(hidden\)/);
        assert.ok(!text.includes(key.toBase64()) && !text.includes(key.toHex()));
      }
    }
  });

  it("is a copy of the bytes it was made from", () => {
    const bytes = new Uint8Array(32).fill(7);
    const key = PresharedKey.from(bytes);
    bytes.fill(0);
    assert.equal(key.toHex(), "07".repeat(32));
  });

  it("that is made of another key outlives it", () => {
    for (const kind of [PrivateKey, PresharedKey]) {
      const key = kind.generate();
      const hex = key.toHex();
      const copy = kind.from(untyped(key));
      key.destroy();
      assert.equal(copy.toHex(), hex);
    }
    const wrongKind = { code: "WG_BRIDGE_KEY", message: /it is an object/ };
    assert.throws(() => PrivateKey.from(untyped(PresharedKey.generate())), wrongKind);
  });

  it("of a version that cannot hand over its bytes is refused", () => {
    const old = Object.create({ [Symbol.for("wg-bridge.PrivateKey")]: true });
    const refused = { code: "WG_BRIDGE_KEY", message: /made by another version/ };
    assert.throws(() => PrivateKey.from(old), refused);
  });

  it("has no methods but those that a program may call", () => {
    const kinds = [PrivateKey, PresharedKey, Object.getPrototypeOf(PrivateKey)];
    const names = kinds.flatMap((kind) => [
      ...Object.getOwnPropertyNames(kind),
      ...Object.getOwnPropertyNames(kind.prototype),
    ]);
    const ofClasses = ["length", "name", "prototype", "constructor"];
    const found = new Set(names.filter((name) => !ofClasses.includes(name)));
    const wanted = ["generate", "from", "equals", "publicKey", "toBase64", "toHex", "destroy"];
    assert.deepEqual(found, new Set([...wanted, "toString", "toJSON"]));
  });

  it("is written as hexadecimal digits into the middle of a buffer", () => {
    const key = PrivateKey.generate();
    const target = Buffer.alloc(70, "-");
    writeKeyHex(key, target, 3);
    assert.equal(target.toString(), `---${key.toHex()}---`);
  });

  it("equals only a key of the same bytes", () => {
    const key = PresharedKey.from("07".repeat(32));
    assert.ok(key.equals(PresharedKey.from("07".repeat(32))));
    assert.ok(!key.equals(PresharedKey.from(`${"07".repeat(31)}08`)));
  });

  it("cannot be used after it is destroyed", () => {
    const key = PresharedKey.generate();
    key.destroy();
    const hasCode = (error: unknown) =>
      error instanceof WgBridgeError && error.code === "WG_BRIDGE_KEY";
    assert.throws(() => key.toBase64(), hasCode);
    assert.throws(() => key.equals(PresharedKey.generate()), hasCode);
    assert.throws(() => PresharedKey.from(key), hasCode);
    assert.throws(() => writeKeyHex(key, Buffer.alloc(64), 0), hasCode);
  });
});
