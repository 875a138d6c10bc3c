import { resolve } from "node:path";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { messageOf } from "../../src/errors.js";

type Options = NonNullable<ParseArgsConfig["options"]>;
type Values<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; strict: true; allowPositionals: false }>
>["values"];

/**
 * Reads the options of a verb that takes nothing else.
 * @throws Error whose message is a sentence for a person
 */
export function readOptions<T extends Options>(
  verb: string,
  args: readonly string[],
  options: T,
): Values<T> {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    const [sentence] = messageOf(cause).split(". ");
    throw new Error(`${sentence?.replace(/\.$/, "")}: see wg-bridge ${verb} --help.`, { cause });
  }
}

/** Reads a number of things, from 1. */
export function readCount(option: string, value: string, most: number): number {
  const count = Number(value);
  if (/^\d+$/.test(value) && count >= 1 && count <= most) return count;
  throw new Error(`${option} ${JSON.stringify(value)} is not a whole number from 1 to ${most}.`);
}

/** Reads the name of the page to write, as an absolute path. */
export function readPage(value: string): string {
  if (value === "") throw new Error("--html needs the name of a file to write.");
  return resolve(value);
}
