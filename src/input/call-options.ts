import { WgBridgeError } from "../errors.js";
import { type Fields, inputError, isObject, type Reader, type Readers, record } from "./reader.js";

/** The options of a call that can be given up. */
export interface CallOptions {
  /** Gives up the call, which then rejects at once with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** An AbortSignal. */
export const abortSignal: Reader<AbortSignal> = (value, place) => {
  if (isAbortSignal(value)) return value;
  throw inputError(place, value, "an AbortSignal");
};

/** Not by instanceof: a signal of another realm, or of a library, is one as well. */
function isAbortSignal(value: unknown): value is AbortSignal {
  return (
    isObject(value) &&
    "aborted" in value &&
    "throwIfAborted" in value &&
    "addEventListener" in value
  );
}

/** Makes the reader of a call's last argument: its options, or nothing. */
export function optionsOf<Optional extends Readers>(
  optional: Optional,
): (options: unknown) => Fields<Record<never, never>, Optional> {
  const read = record({}, optional);
  return (options = {}) => {
    // It has no fields of its own, and would pass for options that ask for nothing.
    if (isAbortSignal(options)) {
      const message = "options is an AbortSignal: give it as { signal }.";
      throw new WgBridgeError("WG_BRIDGE_VALUE", message);
    }
    return read(options, () => "options");
  };
}

/** Reads the options of a call that accepts no others. */
export const readCallOptions: (options: unknown) => CallOptions = optionsOf({
  signal: abortSignal,
});
