import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";
import { helpText, usageText, verbHelpText } from "../../src/cli/help.js";
import { verbs } from "../../src/cli/verbs.js";
import { runBridge } from "./programs.js";

describe("the help", () => {
  it("begins with wireguard-go's words, and has a line of at most 100 characters for each thing", () => {
    assert.match(helpText(), /^Usage: wg-bridge \[run\] \[-f\|--foreground\] .* INTERFACE\n/);
    assert.ok(helpText().startsWith(usageText()));
    for (const text of [helpText(), ...verbs.map(verbHelpText)]) {
      for (const line of text.split("\n")) assert.ok(line.length <= 100, line);
    }
  });

  it("is doctor's own, with every option that the table has", () => {
    for (const verb of verbs.filter(({ ownHelp }) => ownHelp)) {
      const { status, stdout } = runBridge(["help", verb.name]);
      assert.equal(status, 0);
      assert.notEqual(stdout, verbHelpText(verb));
      assert.match(stdout, new RegExp(`^usage: wg-bridge ${verb.name}`, "i"));
      for (const { flag } of verb.options) assert.ok(stdout.includes(flag), flag);
      for (const word of ["--help", "-h"]) {
        assert.equal(runBridge([verb.name, word]).stdout, stdout);
      }
    }
  });

  it("is refused for what is no verb", () => {
    for (const words of [["nonsense"], ["show", "up"]]) {
      const { status, stdout, stderr } = runBridge(["help", ...words]);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, /^wg-bridge: [^\n]*: see wg-bridge help --help\.\n$/);
    }
  });

  it("is where a verb's unknown option sends to", () => {
    for (const { name } of verbs.filter(({ name, ownHelp }) => name !== "run" && !ownHelp)) {
      const { status, stdout, stderr } = runBridge([name, "--frobnicate"]);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, new RegExp(`'--frobnicate': see wg-bridge ${name} --help\\.\\n$`));
    }
  });
});

describe("wg-bridge itself", () => {
  it("loads nothing at its start but the reader of its arguments and what says an error", () => {
    const imports = (file: string) =>
      [
        ...readFileSync(`${packageRoot}/dist/src/cli/${file}`, "utf8").matchAll(/^import .*$/gm),
      ].map(([line]) => line);
    assert.deepEqual(imports("main.js"), [
      'import { parseArguments } from "./arguments.js";',
      'import { say } from "./say.js";',
    ]);
    assert.deepEqual(imports("arguments.js"), [
      'import { redact } from "../redact.js";',
      'import { nearVerb } from "./near-verb.js";',
    ]);
    assert.deepEqual(imports("../redact.js"), []);
    assert.deepEqual(imports("near-verb.js"), [
      'import { editDistance } from "../edit-distance.js";',
    ]);
    assert.deepEqual(imports("../edit-distance.js"), []);
    assert.deepEqual(imports("say.js"), ['import { printable } from "../printable.js";']);
    assert.deepEqual(imports("../printable.js"), []);
  });
});
