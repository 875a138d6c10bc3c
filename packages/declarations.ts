import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A package.json, as far as it names declarations. */
export interface EntryPoints {
  readonly exports: Readonly<Record<string, string | { readonly types?: string }>>;
}

/**
 * Returns the files of declarations that the entry points of a package need, relative to its directory. Nobody can
 * import the others, which would be a tenth of the package.
 */
export function neededDeclarations(directory: string, { exports }: EntryPoints): readonly string[] {
  const found = new Set<string>();
  const visit = (file: string) => {
    if (found.has(file)) return;
    found.add(file);
    for (const imported of importedBy(readFileSync(join(directory, file), "utf8"))) {
      visit(join(dirname(file), imported.replace(/\.js$/, ".d.ts")));
    }
  };
  for (const entry of Object.values(exports)) {
    if (typeof entry === "object" && entry.types !== undefined) visit(join(entry.types));
  }
  return [...found].sort();
}

/** Returns what a file of declarations imports from its own package, in every form that the compiler writes. */
function importedBy(declarations: string): readonly string[] {
  const imports = declarations.matchAll(/\b(?:from|import|import\()\s*"(\.[^"]+)"/g);
  return Array.from(imports, ([, path = ""]) => path);
}
