import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { packageRoot } from "../../src/artifacts.js";

/** Returns the other packages that a program imports or requires. */
function packagesIn(text: string): readonly string[] {
  const names = Array.from(
    text.matchAll(/\b(?:from|import|import\(|require\w*\()\s*"((?:@[^/"]+\/)?[^./"][^/"]*)[^"]*"/g),
    ([, name = ""]) => name,
  );
  return names.filter((name) => !name.startsWith("node:") && !builtinModules.includes(name));
}

describe("the dependencies of the package", () => {
  it("are exactly the packages that its programs import", () => {
    const compiled = readdirSync(`${packageRoot}/dist/src`, { recursive: true, encoding: "utf8" });
    const named = compiled
      .filter((file) => file.endsWith(".js"))
      .flatMap((file) => packagesIn(readFileSync(`${packageRoot}/dist/src/${file}`, "utf8")));
    // The engine's package depends on the native module that calls its library.
    const own = named.filter((name) => !/^(@wg-bridge\/linux|@koromix\/koffi)-/.test(name));
    const manifest: { readonly dependencies: Readonly<Record<string, string>> } = JSON.parse(
      readFileSync(`${packageRoot}/package.json`, "utf8"),
    );
    assert.deepEqual([...new Set(own)].sort(), Object.keys(manifest.dependencies).sort());
  });

  it("are found in every form of import", () => {
    const text = `import a from "a"; import "b"; await import("c/d.js"); require("@e/f/g");
      import x from "./x.js"; import "node:fs"; import y from "../y.js";`;
    assert.deepEqual(packagesIn(text), ["a", "b", "c", "@e/f"]);
  });
});
