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

// Arguments are checked and copied when the call is made, before its first await: what the caller does to
// them afterwards has no effect on the call.

/** What a configuration says about the device and about the interface. */
export interface ReadConfig {
  /** Its secret keys are copies, to be destroyed by whoever called the reader. */
  readonly device: DeviceConfig;
  readonly addresses: readonly string[];
  readonly dns: readonly string[];
  readonly mtu?: number;
}

/**
 * A configuration in any form: an object, or the text of a file, also as the bytes that a file is.
 * Throws ConfigError for a text.
 */
const config: Reader<ReadConfig> = (value, place) => {
  const text = fileText(value);
  if (text !== undefined && isPath(text)) {
    const expected = "what is in the file, as readConfigFile(path) reads it";
    throw inputError(place, value, expected, "WG_BRIDGE_CONFIG");
  }
  const { addresses, dns, mtu, ...device } =
    text === undefined ? deviceConfig(value, place) : parseConfig(text);
  return {
    device,
    addresses: addresses ?? [],
    dns: dns ?? [],
    ...(mtu === undefined ? {} : { mtu }),
  };
};

/** Reports whether a text is a file's name: no configuration is a single line that ends in ".conf". */
function isPath(text: string): boolean {
  return /^[^\n[\]=#]+\.conf$/.test(text);
}

/** Reads the argument of apply(). */
export function readConfigInput(input: unknown): ReadConfig {
  return config(input, () => "config");
}

/** Reads the argument of update(). Its secret keys are copies, as in ReadConfig. */
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

/** The maximum of Node's timers, in milliseconds. They would fire at once for a longer delay. */
const maxDelay = 2 ** 31 - 1;
const delay = integer(0, maxDelay);
const interval = integer(1, maxDelay);

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

/** Combines a reader of objects with one of everything else. */
function either<T, U>(plain: Reader<T>, fields: Reader<U>): Reader<T | U> {
  return (value, place) => (isObject(value) ? fields(value, place) : plain(value, place));
}

const onlyFalse: Reader<false> = (value, place) => {
  if (value === false) return value;
  throw inputError(place, value, "false, or an object");
};

const resolve = either(onlyFalse, record({}, { silentFor: unlimited, interval, lookup }));

const restart = either(
  boolean,
  record({}, { delay, maxDelay: delay, attempts: unlimited, settled: unlimited }),
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

/** Reads the name of a file. The kernel's calls end at a NUL, so that Node.js passes on no text with one. */
const path: Reader<string> = (value, place) => {
  if (typeof value === "string" && value !== "" && !value.includes("\0")) return value;
  throw inputError(place, value, "the path of a file");
};

const watching = { pollInterval: interval, resolve, signal: abortSignal };

const engine = {
  ...watching,
  backend: oneOf<BackendRequest>(["auto", "ffi", "exec"], "WG_BRIDGE_BACKEND_UNKNOWN"),
  library: path,
  executable: path,
  listenPort,
  logLevel: oneOf<LogLevel>(["silent", "error", "verbose"]),
  disable,
  restart,
  env: environment,
};

const tunnelOptions = record(
  { name: interfaceName },
  {
    ...engine,
    network: oneOf<"tun">(["tun"], "WG_BRIDGE_VALUE"),
    mtu,
    config,
    addresses,
    detached: boolean,
  },
);

/** IPv6 needs 1280 bytes, and the network of a userspace tunnel always has it. */
const userspaceMtu = integer(1280, 65_535);

/** In bytes, as the engine demands it: less would not hold a few connections. */
const memory = integer(2 ** 20, Number.MAX_SAFE_INTEGER);

const userspaceOptions = record(
  { network: oneOf<"userspace">(["userspace"]), config },
  { ...engine, mtu: userspaceMtu, addresses, dns: list(string), memory },
);

/** The options of openTunnel, checked and copied. */
export type OpenRequest = ReturnType<typeof tunnelOptions> & {
  readonly env: Readonly<Record<string, string | undefined>>;
};

/** Reads the options of openTunnel. The environment is copied, too. */
export function readTunnelOptions(options: unknown): OpenRequest {
  const place: Place = () => "options";
  return { env: { ...process.env }, ...tunnelOptions(options, place) };
}

/** The options of openTunnel for a userspace tunnel, checked and copied. */
export type UserspaceRequest = ReturnType<typeof userspaceOptions> & {
  readonly env: Readonly<Record<string, string | undefined>>;
};

/** Reads the options of openTunnel for a userspace tunnel. The environment is copied, too. */
export function readUserspaceOptions(options: unknown): UserspaceRequest {
  const place: Place = () => "options";
  return { env: { ...process.env }, ...userspaceOptions(options, place) };
}

/** Reads the options of attach. */
export const readAttachOptions = optionsOf(watching);
