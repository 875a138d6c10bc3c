import assert from "node:assert/strict";
import { joinListen } from "../../../src/cli/metrics.js";

describe("--listen of wg-bridge metrics", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["wg0 wg1", ["wg0", "wg1"]],
    ["--listen", ["--listen=127.0.0.1:9586"]],
    ["--listen wg0", ["--listen=127.0.0.1:9586", "wg0"]],
    ["--listen 192.0.2.1:80 wg0", ["--listen=192.0.2.1:80", "wg0"]],
    ["wg0 --listen [::1]:9586", ["wg0", "--listen=[::1]:9586"]],
    ["--listen=localhost:1 wg0", ["--listen=localhost:1", "wg0"]],
    ["--listen --names=x", ["--listen=127.0.0.1:9586", "--names=x"]],
    ["wg0 -- --listen", ["wg0", "--", "--listen"]],
  ];
  for (const [line, expected] of cases) {
    it(`turns "${line}" into ${expected.join(" ")}`, () => {
      assert.deepEqual(joinListen(line.split(" ")), expected);
    });
  }
});
