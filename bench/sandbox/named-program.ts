import { resolve } from "node:path";
import { isExecutableFile } from "../../src/artifacts.js";
import { WgBridgeError } from "../../src/errors.js";

/** A program to measure with ours: NAME=PATH on the command line. */
export interface NamedProgram {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

/**
 * Reads the values of an option.
 * @param option as it is written, "--also"
 * @param taken names of ours, each with its meaning
 * @throws Error whose message is a sentence for a person
 */
export function parseNamedPrograms(
  option: string,
  values: readonly string[],
  taken: ReadonlyMap<string, string>,
): NamedProgram[] {
  const programs = values.map((value) => parseNamedProgram(option, value));
  for (const [index, { name }] of programs.entries()) {
    const owner = taken.get(name);
    if (owner !== undefined) {
      throw new Error(`${option} cannot name a program ${name}: that is the name of ${owner}.`);
    }
    if (programs.findIndex((other) => other.name === name) !== index) {
      throw new Error(`${option} names two programs ${name}: give each a name of its own.`);
    }
  }
  return programs;
}

function parseNamedProgram(option: string, value: string): NamedProgram {
  const [, name, path] = /^([\w.+-]{1,16})=(.+)$/s.exec(value) ?? [];
  if (name === undefined || path === undefined) {
    throw new Error(
      `${option} ${JSON.stringify(value)} is not NAME=PATH, where NAME has 1 to 16 letters, digits or any of "._+-".`,
    );
  }
  return { name, path: resolve(path) };
}

/** Checks that such a program can be started. */
export function checkNamedProgram(option: string, { name, path }: NamedProgram): void {
  if (isExecutableFile(path)) return;
  throw new WgBridgeError(
    "WG_BRIDGE_EXECUTABLE_MISSING",
    `${option} ${name}: ${path} cannot be executed: it is not an executable file.`,
  );
}
