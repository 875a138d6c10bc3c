import { parseArgs } from "node:util";
import type { Diagnostic } from "../config/diagnostic.js";
import { checkConfig } from "../config/parse.js";
import { WgBridgeError } from "../errors.js";
import { readConfig } from "./syncconf.js";

/** `wg-bridge check [--json] FILE`: exits 0 only if the file has no mistake. */
export async function checkCommand(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    options: { json: { type: "boolean" } },
    allowPositionals: true,
  });
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0) {
    throw new WgBridgeError("WG_BRIDGE_VALUE", "check takes one file: see wg-bridge check --help.");
  }
  const diagnostics = checkConfig(await readConfig(file));
  process.stdout.write(
    values.json
      ? `${JSON.stringify(diagnostics, null, 2)}\n`
      : formatDiagnostics(file, diagnostics),
  );
  return diagnostics.length === 0 ? 0 : 1;
}

/** One line a mistake, as compilers write them. The file's own text is not repeated: it holds keys. */
export function formatDiagnostics(file: string, diagnostics: readonly Diagnostic[]): string {
  if (diagnostics.length === 0) return `${file}: no mistakes\n`;
  return diagnostics
    .map(
      ({ line, column, fault, expected }) =>
        `${file}:${line}:${column}: ${fault}; expected ${expected}\n`,
    )
    .join("");
}
