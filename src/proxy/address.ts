import { isAbsolute } from "node:path/posix";
import { domainToASCII } from "node:url";
import { formatAddress, parseAddress } from "../values/address.js";
import { formatEndpoint, parseEndpoint } from "../values/endpoint.js";
import { TextProblem } from "./text-problem.js";

/** What a forward carries. */
export type Protocol = "tcp" | "udp";

/** A host and a port. */
export interface HostPort {
  /** An IPv4 address, an IPv6 address without brackets, or where names are allowed a name. */
  readonly host: string;
  readonly port: number;
}

/** A Unix socket. */
export interface SocketPath {
  /** Absolute, and at most 103 bytes. */
  readonly path: string;
}

/** Where a proxy listens: an address of this machine and a port, 0 for any free one, or a Unix socket. */
export type ListenAddress = HostPort | SocketPath;

/** The maximum length of a Unix socket's path in bytes. Source: sun_path of macOS and the BSDs; Linux has 107. */
const maxPath = 103;

const listenExpected =
  "ADDRESS:PORT, such as 127.0.0.1:1080 or [::1]:1080, a port alone for 127.0.0.1, or unix:PATH";
const tcpExpected = "ADDRESS:PORT, such as 127.0.0.1:1080 or [::1]:1080";
const targetExpected = "HOST:PORT, such as db.example:5432 or [fd00::1]:5432";

/** Reports whether an address is a Unix socket. */
export function isSocketPath(address: ListenAddress): address is SocketPath {
  return "path" in address;
}

/** Reads "127.0.0.1:1080", "[::1]:1080", "localhost:1080", "1080" or "unix:/run/proxy.sock". Throws TextProblem. */
export function parseListen(text: string): ListenAddress {
  return text.startsWith(unix) ? parseSocketPath(text) : parseListenPort(text, listenExpected);
}

/** Reads the same without a Unix socket. Throws TextProblem. */
export function parseTcpListen(text: string): HostPort {
  if (text.startsWith(unix))
    throw new TextProblem("a Unix socket cannot be used here", tcpExpected);
  return parseListenPort(text, tcpExpected);
}

function parseListenPort(text: string, expected: string): HostPort {
  const digits = /^\d+$/.exec(text)?.[0];
  const { host, port, portAt } =
    digits === undefined ? split(text, expected) : { host: "localhost", port: digits, portAt: 0 };
  if (host === "" || host === "*") {
    const all =
      "0.0.0.0 or [::] for all addresses of this machine, or 127.0.0.1 for this machine alone";
    throw new TextProblem("the address is missing", all);
  }
  return { host: listenHost(host, expected), port: parsePort(port, 0, portAt) };
}

function listenHost(host: string, expected: string): string {
  if (host.toLowerCase() === "localhost") return "127.0.0.1";
  const address = canonicalAddress(host);
  if (address !== undefined) return address;
  throw new TextProblem("this is not an IP address of this machine", expected);
}

/** Reads "db.example:5432", "10.0.0.1:80" or "[fd00::1]:80". Throws TextProblem. */
export function parseTarget(text: string): HostPort {
  const { host, port, portAt } = split(text, targetExpected);
  return { host: targetHost(host), port: parsePort(port, 1, portAt) };
}

/** Reads the same, or "unix:PATH". Throws TextProblem. */
export function parseLocalTarget(text: string): ListenAddress {
  return text.startsWith(unix) ? parseSocketPath(text) : parseTarget(text);
}

function targetHost(host: string): string {
  const address = canonicalAddress(host);
  if (address !== undefined) return address;
  const name = hostName(host);
  if (name !== undefined) return name;
  throw new TextProblem("this is neither a host name nor an IP address", targetExpected);
}

/** Returns a host name in lower case and ASCII, without the root's dot, or undefined if the text is not one. */
export function hostName(text: string): string | undefined {
  // Names with other letters become those that DNS has: "bücher.example" is "xn--bcher-kva.example".
  const ascii = /[^\0-\x7f]/.test(text) ? domainToASCII(text) : text;
  const name = ascii.toLowerCase().replace(/\.$/, "");
  try {
    // Digits and dots alone are an address, perhaps a misspelt one.
    return /[:%[\]]|^[\d.]*$/.test(name) ? undefined : parseEndpoint(`${name}:1`).host;
  } catch {
    return undefined;
  }
}

/** Returns an address as Go writes it, and an IPv4-mapped one as IPv4, or undefined if the text is not one. */
export function canonicalAddress(text: string): string | undefined {
  const bytes = parseAddress(text);
  return bytes && formatAddress(bytes).replace(/^::ffff:(?=\d+\.)/, "");
}

/** Splits HOST:PORT, and takes the brackets off an IPv6 address. */
function split(
  text: string,
  expected: string,
): { readonly host: string; readonly port: string; readonly portAt: number } {
  const [, inBrackets, plain, port] = /^(?:\[([^[\]]*)\]|([^[\]:]*)):([^:]*)$/.exec(text) ?? [];
  const host = inBrackets ?? plain;
  if (host !== undefined && port !== undefined) {
    if (inBrackets !== undefined && !inBrackets.includes(":")) {
      throw new TextProblem("only an IPv6 address has brackets", expected);
    }
    return { host, port, portAt: text.length - port.length };
  }
  if (text.includes("://")) throw new TextProblem("this is a URL", expected);
  if (!/[[\]]/.test(text) && text.includes(":")) {
    throw new TextProblem("an IPv6 address must be in brackets", expected);
  }
  throw new TextProblem("the port is missing", expected);
}

/** Reads a decimal port. */
export function parsePort(text: string, minimum: 0 | 1, at = 0): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= minimum && port <= 65_535) return port;
  throw new TextProblem("the port is wrong", `a number from ${minimum} to 65535`, at);
}

const unix = "unix:";

function parseSocketPath(text: string): SocketPath {
  const path = text.slice(unix.length);
  checkSocketPath(path, unix.length);
  return { path };
}

/** Throws TextProblem if a path cannot be a Unix socket's. */
export function checkSocketPath(path: string, at = 0): void {
  const length = Buffer.byteLength(path);
  if (!isAbsolute(path) || path.endsWith("/")) {
    const expected = "an absolute path, such as unix:/run/user/1000/proxy.sock";
    throw new TextProblem("this is not an absolute path of a file", expected, at);
  }
  if (/\p{Cc}/u.test(path)) {
    const problem = "the path has a control character";
    throw new TextProblem(problem, "a path without one", at);
  }
  if (length <= maxPath) return;
  const problem = `the path has ${length} bytes, and a Unix socket's has at most ${maxPath}`;
  throw new TextProblem(problem, "a shorter path", at);
}

/** Writes an address so that parseListen, parseTarget and parseLocalTarget read it. */
export function formatSocketAddress(address: ListenAddress): string {
  return isSocketPath(address) ? `${unix}${address.path}` : formatEndpoint(address);
}

/** Reports whether only this machine reaches an address. The mode of a Unix socket decides who does. */
export function isLocal(address: ListenAddress): boolean {
  if (isSocketPath(address)) return true;
  return address.host === "::1" || address.host.startsWith("127.");
}
