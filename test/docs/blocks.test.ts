import assert from "node:assert/strict";
import { blocksIn, inOrder, promised } from "./blocks.js";

const page = (...lines: string[]) => blocksIn("a.md", lines.join("\n"));

describe("blocksIn", () => {
  it("returns each block's place, language and code", () => {
    assert.deepEqual(page("# Title", "", "```sh", "true", "false", "```", "end"), [
      {
        page: "a.md",
        line: 4,
        language: "sh",
        code: "true\nfalse\n",
        notRun: undefined,
        withConfig: false,
        output: undefined,
      },
    ]);
  });

  it("reads from the line before a block that it has a configuration", () => {
    const blocks = page("<!-- with wg0.conf -->", "```sh", "a", "```", "", "```sh", "b", "```");
    assert.deepEqual(
      blocks.map(({ withConfig }) => withConfig),
      [true, false],
    );
  });

  it("reads the reason not to run a block from the line before it only", () => {
    const blocks = page(
      "<!-- not run: needs sudo -->",
      "```sh",
      "a",
      "```",
      "<!-- not run: too far -->",
      "",
      "```sh",
      "```",
    );
    assert.deepEqual(
      blocks.map(({ notRun }) => notRun),
      ["needs sudo", undefined],
    );
  });

  it("reads a block's output from the next block if that is an output block", () => {
    const blocks = page(
      "```sh",
      "a",
      "```",
      "prints",
      "```output",
      "b",
      "```",
      "```sh",
      "c",
      "```",
    );
    assert.deepEqual(
      blocks.map(({ output }) => output),
      ["b\n", undefined, undefined],
    );
  });

  it("throws if a block has no end", () => {
    assert.throws(() => page("text", "```sh", "true"), /a\.md, line 2/);
  });
});

describe("promised", () => {
  it("returns the texts of the comments that promise output, and of no others", () => {
    assert.deepEqual(promised("a();\n// prints: 1 2\n{\n  // prints: 3\n}\n// not this\n"), [
      "1 2",
      "3",
    ]);
  });
});

describe("inOrder", () => {
  it("requires each line after the one before it", () => {
    assert.equal(inOrder(["a", "c"], ["a", "b", "c"]), true);
    assert.equal(inOrder(["c", "a"], ["a", "b", "c"]), false);
    assert.equal(inOrder(["a", "a"], ["a", "b"]), false);
    assert.equal(inOrder([], []), true);
  });
});
