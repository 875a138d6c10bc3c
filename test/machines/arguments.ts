import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { readSuiteArguments, type SuiteArguments, suiteOptions } from "../suite/arguments.js";

export const usage = `usage: scripts/release-check [--only ROW,...] [--allow-skips] [--json FILE] [--markdown FILE] [--list]
`;

/** What the options ask for. */
export interface ReleaseArguments extends SuiteArguments {
  /** The absolute path of the file for the table. */
  readonly markdown: string | undefined;
  /** A row that cannot run on this machine does not fail the check. */
  readonly allowSkips: boolean;
}

/**
 * Reads the options.
 * @param rows the names of all rows
 * @throws Error whose message is a sentence for a person
 */
export function parseReleaseArguments(
  args: readonly string[],
  rows: readonly string[],
): ReleaseArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...suiteOptions,
      markdown: { type: "string" },
      "allow-skips": { type: "boolean" },
    },
  });
  return {
    ...readSuiteArguments(values, rows, "row"),
    markdown: values.markdown === undefined ? undefined : resolve(values.markdown),
    allowSkips: values["allow-skips"] ?? false,
  };
}
