import { WgBridgeError } from "../errors.js";
import { quote } from "../text/quote.js";
import {
  canonicalAddress,
  formatSocketAddress,
  type HostPort,
  type ListenAddress,
  parseListen,
  parseTarget,
  parseTcpListen,
} from "./address.js";
import { type AllowedTarget, parseAllowed } from "./allow.js";
import { type Expose, type Forward, parseExpose, parseForward } from "./forward.js";
import { TextProblem, within } from "./text-problem.js";
import { checkUser } from "./users.js";

/** The options of `wg-bridge proxy` as util.parseArgs returns them, without those that every command has. */
export interface ProxyWords {
  readonly socks5?: readonly string[] | undefined;
  readonly http?: readonly string[] | undefined;
  readonly forward?: readonly string[] | undefined;
  readonly expose?: readonly string[] | undefined;
  readonly auth?: string | undefined;
  readonly stdio?: string | undefined;
  readonly metrics?: string | undefined;
  readonly dns?: readonly string[] | undefined;
  readonly "host-dns"?: boolean | undefined;
  readonly allow?: readonly string[] | undefined;
  readonly open?: boolean | undefined;
}

/** What the options mean. The files that they name are not read yet. */
export interface ProxyOptions {
  readonly socks5: readonly ListenerOption[];
  readonly http: readonly ListenerOption[];
  readonly forward: readonly Forward[];
  readonly expose: readonly Expose[];
  /** The file of the users of each proxy that has no user of its own. */
  readonly auth?: string;
  /** Where standard input and output lead. */
  readonly stdio?: HostPort;
  readonly metrics?: HostPort;
  /** Addresses of name servers in the tunnel, in place of the configuration's. */
  readonly dns: readonly string[];
  /** Whether this machine's resolver answers names. */
  readonly hostDns: boolean;
  readonly allow?: readonly AllowedTarget[];
  readonly open: boolean;
}

/** "[USER:FILE@]LISTEN" */
export interface ListenerOption {
  readonly listen: ListenAddress;
  /** The one user of this proxy, and the file that contains the password. */
  readonly user?: { readonly name: string; readonly file: string };
}

/**
 * Reads the options of `wg-bridge proxy`.
 * @throws WgBridgeError WG_BRIDGE_VALUE. It names the option and its word, without what could be a password.
 */
export function parseProxyOptions(words: ProxyWords): ProxyOptions {
  const { auth, stdio, metrics, allow, "host-dns": hostDns = false, open = false } = words;
  const dns = (words.dns ?? []).map((word) => option("dns", word, parseServer));
  if (hostDns && dns.length > 0) {
    throw new WgBridgeError(
      "WG_BRIDGE_VALUE",
      "--host-dns asks this machine for names, and --dns asks servers in the tunnel. Give one of them.",
    );
  }
  if (auth === "") throw optionError("auth", "", new TextProblem("the path is empty", "a file"));
  return {
    socks5: (words.socks5 ?? []).map((word) => option("socks5", word, parseListener)),
    http: (words.http ?? []).map((word) => option("http", word, parseListener)),
    forward: (words.forward ?? []).map((word) => option("forward", word, parseForward)),
    expose: (words.expose ?? []).map((word) => option("expose", word, parseExpose)),
    ...(auth !== undefined && { auth }),
    ...(stdio !== undefined && { stdio: option("stdio", stdio, parseTarget) }),
    ...(metrics !== undefined && { metrics: option("metrics", metrics, parseTcpListen) }),
    dns: [...new Set(dns)],
    hostDns,
    ...(allow && { allow: allow.map((word) => option("allow", word, parseAllowed)) }),
    open,
  };
}

function option<T>(name: string, word: string, parse: (word: string) => T): T {
  try {
    return parse(word);
  } catch (error) {
    if (!(error instanceof TextProblem)) throw error;
    throw optionError(name, word, error);
  }
}

function optionError(name: string, word: string, { problem, expected }: TextProblem) {
  return new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `--${name} ${quote(withoutPassword(word))}: ${problem}. Give ${expected}.`,
  );
}

/** Hides what may be a password: people write USER:PASSWORD@ADDRESS, as in a URL. */
function withoutPassword(word: string): string {
  return word.replace(/^([^:]*):.*@/s, "$1:***@");
}

const listenerExpected =
  "USER:FILE@ADDRESS:PORT, where FILE is the path of a file that contains the password";

/** Reads "[USER:FILE@]LISTEN". Throws TextProblem. */
export function parseListener(text: string): ListenerOption {
  const end = endOfUser(text);
  if (end === -1) return { listen: parseListen(text) };
  const listen = within(end + 1, () => parseListen(text.slice(end + 1)));
  const colon = text.indexOf(":");
  if (colon === -1 || colon > end) {
    throw new TextProblem("there is no file after the user's name", listenerExpected);
  }
  const user = { name: text.slice(0, colon), file: text.slice(colon + 1, end) };
  checkUser({ user: user.name, password: "in the file" });
  if (user.file === "") throw new TextProblem("the path of the file is empty", listenerExpected);
  return { listen, user };
}

/** Returns the index of the "@" that ends USER:FILE, or -1. The paths of files and sockets may have one as well. */
function endOfUser(text: string): number {
  if (text.startsWith("unix:")) return -1;
  const beforeSocket = text.indexOf("@unix:");
  return beforeSocket === -1 ? text.lastIndexOf("@") : beforeSocket;
}

/** Writes a listener so that parseListener reads it. */
export function formatListener({ listen, user }: ListenerOption): string {
  const address = formatSocketAddress(listen);
  return user === undefined ? address : `${user.name}:${user.file}@${address}`;
}

function parseServer(text: string): string {
  const address = canonicalAddress(text);
  if (address !== undefined) return address;
  throw new TextProblem(
    "this is not an IP address",
    "the address of a name server in the tunnel, such as 10.0.0.1, without a port",
  );
}
