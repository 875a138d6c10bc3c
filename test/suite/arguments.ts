import { resolve } from "node:path";

/** The options that every suite has, for parseArgs. */
export const suiteOptions = {
  only: { type: "string" },
  json: { type: "string" },
  list: { type: "boolean" },
} as const;

/** What these options ask for. */
export interface SuiteArguments {
  /** The names of the programs or rows to run. undefined: all. */
  readonly only: readonly string[] | undefined;
  /** The absolute path of the file for all results. */
  readonly json: string | undefined;
  /** Print what would run, and run nothing. */
  readonly list: boolean;
}

/**
 * Checks the values of suiteOptions.
 * @param names what --only can name
 * @param kind what the names are of
 * @throws Error whose message is a sentence for a person
 */
export function readSuiteArguments(
  values: { only?: string; json?: string; list?: boolean },
  names: readonly string[],
  kind: "program" | "row" = "program",
): SuiteArguments {
  const only = values.only?.split(",");
  const unknown = only?.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new Error(`--only names no ${kind} ${unknown}: there are ${names.join(", ")}.`);
  }
  const json = values.json === undefined ? undefined : resolve(values.json);
  return { only, json, list: values.list ?? false };
}

/**
 * Compiles the regular expression that an option holds.
 * @param option the option's name, "--rows"
 * @throws Error whose message is a sentence for a person
 */
export function readPattern(option: string, text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new Error(`${option} ${JSON.stringify(text)} is not a regular expression.`, { cause });
  }
}
