import type { LogLevel } from "../backends/backend.js";
import { parseDisabled, type TunnelFeature } from "../backends/features.js";
import { fileText } from "../config/lines.js";
import { parseConfig } from "../config/parse.js";
import type { DeviceChange } from "../device/change.js";
import type { DeviceConfig } from "../device/config.js";
import { abortSignal, optionsOf } from "../input/call-options.js";
import { addresses, deviceChange, deviceConfig } from "../input/config.js";
import {
  boolean,
  inputError,
  integer,
  isObject,
  list,
  object,
  oneOf,
  type Place,
  type Reader,
  record,
  string,
  text,
} from "../input/reader.js";
import { listenPort, mtu } from "../input/values.js";
import type { BackendRequest } from "../strategy/choose.js";
import { checkInterfaceName } from "../values/interface-name.js";
import type { Lookup } from "./resolve.js";

// What a caller gives is read when it calls, before the first await: checked and copied, so that
// nothing the caller does to it afterwards changes what the call does.

/** What a configuration asks of the device, and of the interface. */
export interface Wanted {
  /** Its secret keys are its reader's own. */
  readonly device: DeviceConfig;
  readonly addresses: readonly string[];
  readonly mtu?: number;
}

/**
 * A configuration in any form: an object, or the text of a file, also as the bytes that a file is.
 * Throws ConfigError for a text.
 */
const wanted: Reader<Wanted> = (value, place) => {
  const config = fileText(value);
  if (config !== undefined && isPath(config)) {
    const expected = "what is in the file, as readConfigFile(path) reads it";
    throw inputError(place, value, expected, "WG_BRIDGE_CONFIG");
  }
  const { addresses, mtu, ...device } =
    config === undefined ? deviceConfig(value, place) : parseConfig(config);
  return { device, addresses: addresses ?? [], ...(mtu === undefined ? {} : { mtu }) };
};

/** No configuration is one line that ends so. */
function isPath(text: string): boolean {
  return /^[^\n[\]=#]+\.conf$/.test(text);
}

/** Reads the configuration that apply() is given. */
export function readConfigInput(config: unknown): Wanted {
  return wanted(config, () => "config");
}

/** Reads the change that update() is given. Its secret keys are the caller's own. */
export function readChange(change: unknown): DeviceChange {
  return deviceChange(change, () => "change");
}

/** Reads an interface's name. */
export function readName(name: unknown): string {
  return interfaceName(name, () => "name");
}

const interfaceName = text(
  checkInterfaceName,
  'the name of an interface, as "wg0"',
  "WG_BRIDGE_INTERFACE_NAME",
);

/** Timers take no more milliseconds: a longer wait would be none. */
const longest = 2 ** 31 - 1;
const wait = integer(0, longest);
const interval = integer(1, longest);

/** A number without an upper limit, or Infinity. */
const unlimited: Reader<number> = (value, place) => {
  if (typeof value === "number" && value >= 0) return value;
  throw inputError(place, value, "a number from 0 on");
};

const lookup: Reader<Lookup> = (value, place) => {
  if (isLookup(value)) return value;
  throw inputError(place, value, "a function that resolves with a host name's address");
};

function isLookup(value: unknown): value is Lookup {
  return typeof value === "function";
}

/** Reads either of two kinds: what is no object with fields, or one that has them. */
function either<T, U>(plain: Reader<T>, fields: Reader<U>): Reader<T | U> {
  return (value, place) => (isObject(value) ? fields(value, place) : plain(value, place));
}

const no: Reader<false> = (value, place) => {
  if (value === false) return value;
  throw inputError(place, value, "false, or an object");
};

const resolve = either(no, record({}, { silentFor: unlimited, interval, lookup }));

const restart = either(
  boolean,
  record({}, { delay: wait, maxDelay: wait, attempts: unlimited, settled: unlimited }),
);

const environment: Reader<Readonly<Record<string, string | undefined>>> = (value, place) => {
  const copy: Record<string, string | undefined> = {};
  for (const [name, text] of Object.entries(object(value, place))) {
    if (text !== undefined) copy[name] = string(text, () => `${place()}.${name}`);
  }
  return copy;
};

const features = list(text(parseDisabled, "a feature's name", "WG_BRIDGE_FEATURE_UNKNOWN"));
const disable: Reader<readonly TunnelFeature[]> = (value, place) =>
  parseDisabled(features(value, place).flat().join(","));

const watching = { pollInterval: interval, resolve, signal: abortSignal };

const tunnelOptions = record(
  { name: interfaceName },
  {
    ...watching,
    backend: oneOf<BackendRequest>(["auto", "ffi", "exec"], "WG_BRIDGE_BACKEND_UNKNOWN"),
    mtu,
    listenPort,
    logLevel: oneOf<LogLevel>(["silent", "error", "verbose"]),
    disable,
    config: wanted,
    addresses,
    detached: boolean,
    restart,
    env: environment,
  },
);

/** What openTunnel was asked for, checked and copied. */
export type OpenRequest = ReturnType<typeof tunnelOptions> & {
  readonly env: Readonly<Record<string, string | undefined>>;
};

/** Reads what openTunnel is given. The environment is that of the moment, too. */
export function readTunnelOptions(options: unknown): OpenRequest {
  const place: Place = () => "options";
  return { env: { ...process.env }, ...tunnelOptions(options, place) };
}

/** Reads what attach is given besides a name. */
export const readAttachOptions = optionsOf(watching);
