import { WgBridgeError } from "../errors.js";
import {
  boolean,
  inputError,
  integer,
  isObject,
  list,
  oneOf,
  type Place,
  type Reader,
  record,
  string,
} from "../input/reader.js";
import { quote } from "../text/quote.js";
import {
  checkSocketPath,
  formatSocketAddress,
  type HostPort,
  type ListenAddress,
  type Protocol,
  parseListen,
  parseLocalTarget,
  parseTarget,
  type SocketPath,
} from "./address.js";
import { type AllowedTarget, parseAllowed } from "./allow.js";
import { type Claim, findConflicts } from "./conflicts.js";
import {
  checkExpose,
  checkForward,
  type Expose,
  type Forward,
  parseExpose,
  parseForward,
} from "./forward.js";
import { TextProblem } from "./text-problem.js";
import { checkUser, type ProxyUser } from "./users.js";

/**
 * What a tunnel offers to programs that know nothing of WireGuard, and where. Each address may be a text, such as
 * "127.0.0.1:1080", "[::1]:1080", "1080" (on 127.0.0.1) or "unix:/run/proxy.sock".
 *
 * Who reaches an address that is not a loopback one could use the tunnel. Such an address is refused, unless its
 * proxy has users, or `open` is true.
 */
export interface ProxySpec {
  /** SOCKS5 proxies. One address may be that of an HTTP proxy as well. */
  readonly socks5?: readonly ProxyListenerInput[];
  /** HTTP proxies. */
  readonly http?: readonly ProxyListenerInput[];
  /** Ports of this machine that lead to one target in the tunnel: "127.0.0.1:5432=db.example:5432" or an object. */
  readonly forward?: readonly ForwardInput[];
  /** Ports of the tunnel that lead to one target on this machine: "8080=127.0.0.1:3000" or an object. */
  readonly expose?: readonly ExposeInput[];
  /** Who may use the SOCKS5 and HTTP proxies that have no users of their own. Absent or empty: everybody. */
  readonly users?: readonly ProxyUser[];
  /**
   * What clients of SOCKS5 and HTTP may reach: prefixes, host names, and "*.example.org" for the names below one.
   * Absent: whatever the peers' allowed IPs hold. Empty: nothing.
   */
  readonly allow?: readonly string[];
  /** Lets this machine's resolver look up the names that clients give: whoever sees its questions learns them. */
  readonly hostDns?: boolean;
  /** Lets everybody who reaches a listener use the tunnel, without a user and a password. */
  readonly open?: boolean;
}

/** A SOCKS5 or HTTP proxy: its address, or an object with users of its own. */
export type ProxyListenerInput =
  | string
  | ListenAddress
  | { readonly listen: string | ListenAddress; readonly users?: readonly ProxyUser[] };

/** A forward into the tunnel, "127.0.0.1:5432=db.example:5432" or an object. */
export type ForwardInput =
  | string
  | {
      /** "tcp" if absent. */
      readonly protocol?: Protocol;
      readonly listen: string | ListenAddress;
      /** A name is resolved inside the tunnel. */
      readonly target: string | HostPort;
    };

/** A port of the tunnel, "8080=127.0.0.1:3000" or an object. */
export type ExposeInput =
  | string
  | {
      /** "tcp" if absent. */
      readonly protocol?: Protocol;
      /** At the tunnel's own addresses, 1 to 65535. */
      readonly port: number;
      /** On this machine, which resolves a name. */
      readonly target: string | ListenAddress;
    };

/** A SOCKS5 or HTTP proxy. */
export interface ProxyListener {
  readonly listen: ListenAddress;
  /** Empty: everybody who reaches the address may use the proxy. */
  readonly users: readonly ProxyUser[];
}

/** A checked copy of a ProxySpec, with every address in its one spelling. It can be written as JSON. */
export interface CheckedProxySpec {
  readonly socks5: readonly ProxyListener[];
  readonly http: readonly ProxyListener[];
  readonly forward: readonly Forward[];
  readonly expose: readonly Expose[];
  /** Absent: whatever the peers' allowed IPs hold. */
  readonly allow?: readonly AllowedTarget[];
  /** Whether this machine's resolver looks up names. */
  readonly hostDns?: boolean;
}

/** Makes a reader of texts that a function reads which throws TextProblem. */
function parsed<T>(parse: (text: string) => T): (text: string, place: Place) => T {
  return (text, place) => explained(() => parse(text), place, quote(text));
}

function explained<T>(read: () => T, place: Place, found: string): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TextProblem)) throw error;
    const { problem, expected } = error;
    throw new WgBridgeError(
      "WG_BRIDGE_VALUE",
      `${place()} is ${found}: ${problem}. Give ${expected}.`,
    );
  }
}

const hostPort = record({ host: string, port: integer(0, 65_535) }, {});
const socketPath = record({ path: string }, {});

/** Makes a reader of an address that is a text, or an object with a host and a port, or with a path. */
function address<T extends ListenAddress>(parse: (text: string) => T, expected: string): Reader<T> {
  const read = parsed(parse);
  return (value, place) => {
    if (typeof value === "string") return read(value, place);
    if (!isObject(value)) throw inputError(place, value, expected);
    const given: HostPort | SocketPath =
      "path" in value ? socketPath(value, place) : hostPort(value, place);
    if ("path" in given) {
      explained(
        () => checkSocketPath(given.path),
        () => `${place()}.path`,
        quote(given.path),
      );
    }
    // Written and read, so that an object and a text mean the same.
    return read(formatSocketAddress(given), place);
  };
}

const listen = address(
  parseListen,
  'an address, as "127.0.0.1:1080" or { host, port }, or { path }',
);
const target = address(parseTarget, 'a target, as "db.example:5432" or { host, port }');
const localTarget = address(
  parseLocalTarget,
  'a target, as "127.0.0.1:3000" or { host, port }, or { path }',
);

/** Reads a text that no error may repeat. */
const secret: Reader<string> = (value, place) => {
  if (typeof value === "string") return value;
  const found = value === undefined ? "missing" : "not a string";
  throw new WgBridgeError("WG_BRIDGE_VALUE", `${place()} is ${found}: give a string.`);
};

const credentials = record({ user: secret, password: secret }, {});

/** Reads a user. Its errors repeat neither the name nor the password. */
const proxyUser: Reader<ProxyUser> = (value, place) => {
  if (!isObject(value)) {
    const expected = "an object { user, password }";
    throw new WgBridgeError("WG_BRIDGE_VALUE", `${place()} is not an object: give ${expected}.`);
  }
  const user = credentials(value, place);
  explained(() => checkUser(user), place, "not a user");
  return user;
};

const someUsers = list(proxyUser);

/** Reads users, of whom no two have the same name. */
const users: Reader<readonly ProxyUser[]> = (value, place) => {
  const read = someUsers(value, place);
  const names = new Set<string>();
  for (const [index, { user }] of read.entries()) {
    if (names.has(user)) {
      throw new WgBridgeError(
        "WG_BRIDGE_VALUE",
        `${place()}[${index}] has the name of an earlier user: give each user one password.`,
      );
    }
    names.add(user);
  }
  return read;
};

const listenerRecord = record({ listen }, { users });

const listener: Reader<{
  readonly listen: ListenAddress;
  readonly users?: readonly ProxyUser[];
}> = (value, place) =>
  isObject(value) && "listen" in value
    ? listenerRecord(value, place)
    : { listen: listen(value, place) };

const protocol = oneOf<Protocol>(["tcp", "udp"]);
const forwardRecord = record({ listen, target }, { protocol });
const exposeRecord = record({ port: integer(1, 65_535), target: localTarget }, { protocol });
const forwardText = parsed(parseForward);
const exposeText = parsed(parseExpose);

const forward: Reader<Forward> = (value, place) => {
  if (typeof value === "string") return forwardText(value, place);
  const read: Forward = { protocol: "tcp", ...forwardRecord(value, place) };
  explained(
    () => checkForward(read),
    () => `${place()}.listen`,
    quote(formatSocketAddress(read.listen)),
  );
  return read;
};

const expose: Reader<Expose> = (value, place) => {
  if (typeof value === "string") return exposeText(value, place);
  const read: Expose = { protocol: "tcp", ...exposeRecord(value, place) };
  explained(
    () => checkExpose(read),
    () => `${place()}.target`,
    quote(formatSocketAddress(read.target)),
  );
  return read;
};

const allowedText = parsed(parseAllowed);

const allowed: Reader<AllowedTarget> = (value, place) => allowedText(string(value, place), place);

const fields = record(
  {},
  {
    socks5: list(listener),
    http: list(listener),
    forward: list(forward),
    expose: list(expose),
    users,
    allow: list(allowed),
    hostDns: boolean,
    open: boolean,
  },
);

/**
 * Checks what a program gave to tunnel.proxy, and copies it.
 * @throws WgBridgeError WG_BRIDGE_VALUE. Its message contains no user and no password.
 */
export const proxySpec: Reader<CheckedProxySpec> = (value, place) => {
  const given = fields(value, place);
  const withUsers = ({ listen, users = given.users ?? [] }: ReturnType<typeof listener>) => ({
    listen,
    users,
  });
  const spec: CheckedProxySpec = {
    socks5: (given.socks5 ?? []).map(withUsers),
    http: (given.http ?? []).map(withUsers),
    forward: given.forward ?? [],
    expose: given.expose ?? [],
    ...(given.allow && { allow: given.allow }),
    ...(given.hostDns && { hostDns: true }),
  };
  refuseConflicts(spec, given.open ?? false, place);
  return spec;
};

function refuseConflicts(spec: CheckedProxySpec, open: boolean, place: Place): void {
  const at = (name: string, index: number) => `${place()}.${name}[${index}]`;
  const claims = claimsOf(spec, at);
  const [conflict] = findConflicts(claims, open);
  if (conflict === undefined) return;
  const { claim, problem } = conflict;
  const remedy = {
    "exposed proxy": "Give users, a loopback address, or open: true",
    "exposed forward": "Give a loopback address, or open: true",
    taken: "Give another address",
    "taken port": "Give another port",
  }[conflict.kind];
  throw new WgBridgeError("WG_BRIDGE_VALUE", `${claim.label}: ${problem}. ${remedy}.`);
}

/** Returns what each part of a spec asks for. */
export function claimsOf(
  { socks5, http, forward, expose }: CheckedProxySpec,
  label: (name: "socks5" | "http" | "forward" | "expose", index: number) => string,
): readonly Claim[] {
  return [
    ...socks5.map(
      ({ listen, users }, index): Claim => ({
        label: label("socks5", index),
        kind: "socks5",
        listen,
        hasUsers: users.length > 0,
      }),
    ),
    ...http.map(
      ({ listen, users }, index): Claim => ({
        label: label("http", index),
        kind: "http",
        listen,
        hasUsers: users.length > 0,
      }),
    ),
    ...forward.map(
      ({ protocol, listen }, index): Claim => ({
        label: label("forward", index),
        kind: "forward",
        protocol,
        listen,
      }),
    ),
    ...expose.map(
      ({ protocol, port }, index): Claim => ({
        label: label("expose", index),
        kind: "expose",
        protocol,
        port,
      }),
    ),
  ];
}
