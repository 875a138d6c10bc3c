import { types } from "node:util";
import { WgBridgeError, type WgBridgeErrorCode } from "../errors.js";
import { editDistance } from "../text/edit-distance.js";
import { describe, quote } from "../text/quote.js";

/** Where in an argument a value stands, for messages: "options.config.peers[2].publicKey". */
export type Place = () => string;

/**
 * Reads what a program gave, of whatever type JavaScript let it be: returns it checked, and a copy of
 * all that can be changed, or throws. Nothing here asks instanceof, which fails across realms.
 */
export type Reader<T> = (value: unknown, place: Place) => T;

type Read<R> = R extends Reader<infer T> ? T : never;
export type Readers = Readonly<Record<string, Reader<unknown>>>;

/** What an object has after it was read. */
export type Fields<Required extends Readers, Optional extends Readers> = {
  readonly [Name in keyof Required]: Read<Required[Name]>;
} & { readonly [Name in keyof Optional]?: Read<Optional[Name]> };

/** An error that says where a wrong value stands, what it is, and what is right. */
export function inputError(
  place: Place,
  value: unknown,
  expected: string,
  code: WgBridgeErrorCode = "WG_BRIDGE_VALUE",
): WgBridgeError {
  const is = value === undefined ? "missing" : describe(value);
  return new WgBridgeError(code, `${place()} is ${is}: give ${expected}.`);
}

/** Any text. */
export const string: Reader<string> = (value, place) => {
  if (typeof value === "string") return value;
  throw inputError(place, value, "a string");
};

/** true or false. */
export const boolean: Reader<boolean> = (value, place) => {
  if (typeof value === "boolean") return value;
  throw inputError(place, value, "true or false");
};

/** A whole number within its limits. */
export function integer(least: number, most: number): Reader<number> {
  return (value, place) => {
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) {
      return value;
    }
    throw inputError(place, value, `a whole number from ${least} to ${most}`);
  };
}

/** One of some texts. */
export function oneOf<T extends string>(values: readonly T[], code?: WgBridgeErrorCode): Reader<T> {
  return (value, place) => {
    const found = values.find((one) => one === value);
    if (found !== undefined) return found;
    throw inputError(place, value, values.map((one) => `"${one}"`).join(" or "), code);
  };
}

/** A text that `parse` reads. What that throws says the place as well. */
export function text<T>(
  parse: (text: string) => T,
  expected: string,
  code: WgBridgeErrorCode,
): Reader<T> {
  return (value, place) => {
    if (typeof value !== "string") throw inputError(place, value, expected, code);
    return atPlace(place, () => parse(value));
  };
}

/** Runs what throws a WgBridgeError that does not know the place. */
export function atPlace<T>(place: Place, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof WgBridgeError)) throw error;
    throw new WgBridgeError(error.code, `${place()}: ${error.message}`, { cause: error });
  }
}

/** An array, of which it makes another. */
export function list<T>(element: Reader<T>, expected = "an array"): Reader<readonly T[]> {
  return (value, place) => {
    if (!Array.isArray(value)) throw inputError(place, value, expected);
    const given: readonly unknown[] = value;
    let index = 0;
    const at = () => `${place()}[${index}]`;
    const copy: T[] = [];
    for (; index < given.length; index++) copy.push(element(given[index], at));
    return copy;
  };
}

/** What can have fields by name. */
export const object: Reader<object> = (value, place) => {
  if (isObject(value)) return value;
  throw inputError(place, value, "an object");
};

/** Whether a value can have fields by name. */
export function isObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return !(
    types.isArrayBufferView(value) ||
    types.isAnyArrayBuffer(value) ||
    types.isPromise(value)
  );
}

/**
 * An object with fields of these names, of which it makes another. A field that is undefined is absent.
 * A name that is not known is refused: a misspelled presharedKey would otherwise open a tunnel without
 * one. `ignored` are names that may be there, and are left out.
 */
export function record<Required extends Readers, Optional extends Readers>(
  required: Required,
  optional: Optional,
  ignored: readonly string[] = [],
): Reader<Fields<Required, Optional>> {
  const names = [...Object.keys(required), ...Object.keys(optional)];
  const known = new Set([...names, ...ignored]);
  return (value, place) => {
    const given = object(value, place);
    for (const name of Object.keys(given)) {
      if (known.has(name) || Reflect.get(given, name) === undefined) continue;
      throw unknownNameError(place(), name, names);
    }
    const copy: Record<string, unknown> = {};
    let name = "";
    const at = () => `${place()}.${name}`;
    // Each is read once, and may be inherited: a program's class can have accessors.
    for (name in required) copy[name] = required[name]?.(Reflect.get(given, name), at);
    for (name in optional) {
      const field: unknown = Reflect.get(given, name);
      if (field !== undefined) copy[name] = optional[name]?.(field, at);
    }
    return copy as Fields<Required, Optional>; // each name has what its reader returned
  };
}

/** The error for a name that an object should not have; says which one may have been meant. */
function unknownNameError(place: string, name: string, known: readonly string[]): WgBridgeError {
  const meant = nearest(name, known);
  const advice =
    meant === undefined
      ? `there are ${known.join(", ")}`
      : `did you mean ${JSON.stringify(meant)}?`;
  return new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `${place} has no field ${quote(name)}: ${advice}${meant === undefined ? "." : ""}`,
  );
}

/** The known name that is at most a third of its length away, in any case of letters. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((one) => ({ one, away: editDistance(name.toLowerCase(), one.toLowerCase()) }))
    .filter(({ one, away }) => away * 3 <= one.length)
    .sort((a, b) => a.away - b.away);
  return best?.one;
}
