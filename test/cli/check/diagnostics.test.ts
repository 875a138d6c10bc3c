import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDiagnostics } from "../../../src/cli/check.js";
import { withoutColor } from "../../../src/cli/color.js";
import { checkConfig } from "../../../src/config/parse.js";

function format(text: string, colored = false): string {
  return formatDiagnostics("wg0.conf", text, checkConfig(text), colored);
}

describe("mistakes in a configuration, for people,", () => {
  it("are none where there is none", () => {
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

  it("are in colour only where that is wanted, and then say the same", () => {
    const text = "[Interface]\nMTU = 1\n[Peer]\nnonsense\n";
    assert.notEqual(format(text, true), format(text));
    assert.equal(withoutColor(format(text, true)), format(text));
    assert.ok(!format(text).includes("\x1b"));
  });

  it("are told of any text in three lines each", () => {
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
