import { WgBridgeError } from "../errors.js";
import { boolean, integer, isObject, type Reader, record, string } from "../input/reader.js";
import type { ConnectOptions, DatagramOptions, ListenOptions, PingOptions } from "./tunnel.js";

/** The maximum of Node's timers, in milliseconds. */
const maxDelay = 2 ** 31 - 1;
const milliseconds = integer(1, maxDelay);
const family: Reader<0 | 4 | 6> = (value, place) => {
  if (value === 0 || value === 4 || value === 6) return value;
  throw new WgBridgeError("WG_BRIDGE_VALUE", `${place()} is ${String(value)}: give 4, 6, or 0.`);
};

/** An address or a name: what goes into a request is no longer than a name can be. */
const host: Reader<string> = (value, place) => {
  const text = string(value, place);
  if (text !== "" && text.length <= 255 && !/\s|\0/.test(text)) return text;
  throw new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `${place()} is not a host: give an address or a name.`,
  );
};

const stream = {
  allowHalfOpen: boolean,
  keepAlive: boolean,
  keepAliveInitialDelay: integer(0, maxDelay),
  noDelay: boolean,
};

const connectOptions = record(
  { host, port: integer(1, 65_535) },
  {
    ...stream,
    family,
    localAddress: string,
    localPort: integer(0, 65_535),
    timeout: milliseconds,
  },
);

/** Options of net.connect that mean something on this machine's network only. */
const withoutMeaning = [
  "path",
  "hints",
  "lookup",
  "fd",
  "handle",
  "onread",
  "autoSelectFamily",
  "autoSelectFamilyAttemptTimeout",
];

/** Reads the options of connect(). */
export function readConnectOptions(options: unknown): ConnectOptions {
  if (isObject(options)) {
    const given = withoutMeaning.find((name) => Reflect.get(options, name) != null);
    if (given !== undefined) {
      throw new WgBridgeError(
        "WG_BRIDGE_UNSUPPORTED",
        `options.${given} has no meaning for a connection through a tunnel: leave it out.`,
      );
    }
  }
  return connectOptions(options, () => "options");
}

const listenOptions = record(
  { port: integer(0, 65_535) },
  { ...stream, host: string, backlog: integer(0, 65_535) },
);

/** Reads the options of listen(). */
export function readListenOptions(options: unknown): ListenOptions {
  return listenOptions(options, () => "options");
}

const type: Reader<"udp4" | "udp6"> = (value, place) => {
  if (value === "udp4" || value === "udp6") return value;
  throw new WgBridgeError("WG_BRIDGE_VALUE", `${place()} is not "udp4" or "udp6".`);
};

const datagramOptions = record({}, { port: integer(0, 65_535), address: string, type });

/** Reads the options of datagram(). */
export function readDatagramOptions(options: unknown = {}): DatagramOptions {
  return datagramOptions(options, () => "options");
}

const pingOptions = record({}, { size: integer(0, 65_507), timeout: milliseconds, family });

/** Reads the options of ping(). */
export function readPingOptions(options: unknown = {}): PingOptions {
  return pingOptions(options, () => "options");
}

/** Reads the host of ping(), or the name of resolve4() and resolve6(). */
export function readHost(value: unknown, name: string): string {
  return host(value, () => name);
}
