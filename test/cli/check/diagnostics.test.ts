import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { formatDiagnostics } from "../../../src/cli/check.js";
import { checkConfig } from "../../../src/config/parse.js";

function format(text: string, colored = false): string {
  return formatDiagnostics("wg0.conf", text, checkConfig(text), colored);
}

describe("mistakes in a configuration, formatted for people,", () => {
  it("are reported as none if there are none", () => {
    assert.equal(format("[Interface]\nMTU = 1420\n"), "wg0.conf: no mistakes\n");
  });

  it("have their place, their line and a caret below the place", () => {
    assert.equal(
      format("[Interface]\r\n\tListenPort = 99999 # mine\r\n"),
      `wg0.conf:2:15: the value of ListenPort cannot be read; expected a port from 0 to 65535
2 |  ListenPort = 99999
                  ^
`,
    );
  });

  it("have colour only on request, and the same text then", () => {
    const text = "[Interface]\nMTU = 1\n[Peer]\nnonsense\n";
    assert.notEqual(format(text, true), format(text));
    assert.equal(stripVTControlCharacters(format(text, true)), format(text));
    assert.ok(!format(text).includes("\x1b"));
  });

  it("have three lines each, whatever the text", () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom("[Peer]", "[Interface]", "MTU = x", "PublicKey ="),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const text = lines.join("\n");
        const count = checkConfig(text).length;
        if (count > 0) assert.equal(format(text).split("\n").length, 3 * count + 1);
      }),
    );
  });
});
