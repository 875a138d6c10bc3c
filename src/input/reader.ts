import { types } from "node:util";
import { WgBridgeError, type WgBridgeErrorCode } from "../errors.js";
import { editDistance } from "../text/edit-distance.js";
import { describe, quote } from "../text/quote.js";

/** Returns where in an argument a value is, for messages: "options.config.peers[2].publicKey". */
export type Place = () => string;

/**
 * Checks a value that a program gave, of whatever type, and throws if it is wrong. Returns a copy, so that
 * the program may change its own afterwards. No reader uses instanceof on built-in classes: it fails for
 * objects of another realm.
 */
export type Reader<T> = (value: unknown, place: Place) => T;

type Read<R> = R extends Reader<infer T> ? T : never;
export type Readers = Readonly<Record<string, Reader<unknown>>>;

/** The fields of an object that was read. */
export type Fields<Required extends Readers, Optional extends Readers> = {
  readonly [Name in keyof Required]: Read<Required[Name]>;
} & { readonly [Name in keyof Optional]?: Read<Optional[Name]> };

/** Makes an error that says where a wrong value is, what it is, and what is right. */
export function inputError(
  place: Place,
  value: unknown,
  expected: string,
  code: WgBridgeErrorCode = "WG_BRIDGE_VALUE",
): WgBridgeError {
  const found = value === undefined ? "missing" : describe(value);
  return new WgBridgeError(code, `${place()} is ${found}: give ${expected}.`);
}

/** Reads any string. */
export const string: Reader<string> = (value, place) => {
  if (typeof value === "string") return value;
  throw inputError(place, value, "a string");
};

/** Reads true or false. */
export const boolean: Reader<boolean> = (value, place) => {
  if (typeof value === "boolean") return value;
  throw inputError(place, value, "true or false");
};

/** Makes a reader of whole numbers between two limits. */
export function integer(minimum: number, maximum: number): Reader<number> {
  return (value, place) => {
    const isWhole = typeof value === "number" && Number.isInteger(value);
    if (isWhole && value >= minimum && value <= maximum) return value;
    throw inputError(place, value, `a whole number from ${minimum} to ${maximum}`);
  };
}

/** Makes a reader of one of several strings. */
export function oneOf<T extends string>(values: readonly T[], code?: WgBridgeErrorCode): Reader<T> {
  return (value, place) => {
    const found = values.find((one) => one === value);
    if (found !== undefined) return found;
    throw inputError(place, value, values.map((one) => `"${one}"`).join(" or "), code);
  };
}

/** Makes a reader of strings that `parse` reads. Its errors say the place as well. */
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

/** Runs a function, and adds the place to a WgBridgeError that it throws. */
export function atPlace<T>(place: Place, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof WgBridgeError)) throw error;
    throw new WgBridgeError(error.code, `${place()}: ${error.message}`, { cause: error });
  }
}

/** Makes a reader of arrays. */
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

/** Reads an object that can have named fields. */
export const object: Reader<object> = (value, place) => {
  if (isObject(value)) return value;
  throw inputError(place, value, "an object");
};

/** Reports whether a value is an object that can have named fields. */
export function isObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return !(
    types.isArrayBufferView(value) ||
    types.isAnyArrayBuffer(value) ||
    types.isPromise(value)
  );
}

/**
 * Makes a reader of objects with these fields. A field that is undefined counts as absent. An unknown
 * name is refused: a misspelled presharedKey would otherwise open a tunnel without one. Fields that are
 * `ignored` are accepted and left out.
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
    // Each field is read once, and may be inherited: the object's class may have accessors.
    for (name in required) copy[name] = required[name]?.(Reflect.get(given, name), at);
    for (name in optional) {
      const field: unknown = Reflect.get(given, name);
      if (field !== undefined) copy[name] = optional[name]?.(field, at);
    }
    return copy as Fields<Required, Optional>; // each reader has returned its field's type
  };
}

/** Makes the error for an unknown name; it suggests a similar known one. */
function unknownNameError(place: string, name: string, known: readonly string[]): WgBridgeError {
  const meant = nearest(name, known);
  const advice =
    meant === undefined ? `there are ${known.join(", ")}.` : `did you mean "${meant}"?`;
  return new WgBridgeError("WG_BRIDGE_VALUE", `${place} has no field ${quote(name)}: ${advice}`);
}

/** Returns the nearest known name, ignoring case, if at most a third of its letters differ. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((one) => ({ one, distance: editDistance(name.toLowerCase(), one.toLowerCase()) }))
    .filter(({ one, distance }) => distance * 3 <= one.length)
    .sort((a, b) => a.distance - b.distance);
  return best?.one;
}
