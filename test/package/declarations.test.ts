import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname } from "node:path";
import { neededDeclarations } from "../../packages/declarations.js";

describe("the declarations in the package", () => {
  it("are those that an entry point imports, in every form, and no others", () => {
    const directory = mkdtempSync(`${tmpdir()}/declarations-`);
    for (const [file, text] of Object.entries({
      "dist/index.d.ts": `import type { A } from "./a/a.js"; export * from "./b.js"; import "node:fs";`,
      "dist/a/a.d.ts": `import "./side.js"; export type A = import("../c.js").C;`,
      "dist/a/side.d.ts": `import { B } from "../b.js";`,
      "dist/b.d.ts": `import type { I } from "./index.js";`,
      "dist/c.d.ts": `import { Socket } from "node:net";`,
      "dist/d.d.ts": "",
      "dist/second.d.ts": "",
    })) {
      mkdirSync(dirname(`${directory}/${file}`), { recursive: true });
      writeFileSync(`${directory}/${file}`, text);
    }
    const exports = {
      ".": { types: "./dist/index.d.ts" },
      "./second": { types: "./dist/second.d.ts" },
      "./package.json": "./package.json",
    };
    const expected = ["a/a", "a/side", "b", "c", "index", "second"];
    assert.deepEqual(
      neededDeclarations(directory, { exports }),
      expected.map((name) => `dist/${name}.d.ts`),
    );
    rmSync(directory, { recursive: true });
  });
});
