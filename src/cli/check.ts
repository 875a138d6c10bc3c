import { checkConfig } from "../config/parse.js";
import { printableJson } from "../text/printable.js";
import { formatDiagnostics } from "./check/diagnostics.js";
import { wantsColor } from "./color.js";
import { readConfig } from "./syncconf.js";
import { readWords, wordsError } from "./words.js";

/** `wg-bridge check [--json] FILE`: exits 0 only if the file has no mistake. */
export async function checkCommand(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const { values, positionals } = readWords("check", args, { json: { type: "boolean" } });
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0) throw wordsError("check", "It takes one file");
  const text = await readConfig(file);
  const diagnostics = checkConfig(text);
  process.stdout.write(
    values.json
      ? printableJson(diagnostics)
      : formatDiagnostics(file, text, diagnostics, wantsColor(process.stdout.isTTY, env)),
  );
  return diagnostics.length === 0 ? 0 : 1;
}
