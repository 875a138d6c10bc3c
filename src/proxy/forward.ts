import {
  formatSocketAddress,
  type HostPort,
  isSocketPath,
  type ListenAddress,
  type Protocol,
  parseListen,
  parseLocalTarget,
  parsePort,
  parseTarget,
} from "./address.js";
import { TextProblem, within } from "./text-problem.js";

/** Connections to an address of this machine that go to a target in the tunnel. */
export interface Forward {
  readonly protocol: Protocol;
  /** For UDP not a Unix socket. */
  readonly listen: ListenAddress;
  /** A name is resolved inside the tunnel. */
  readonly target: HostPort;
}

/** Connections to a port of the tunnel's own addresses that go to a target on this machine. */
export interface Expose {
  readonly protocol: Protocol;
  /** 1 to 65535. */
  readonly port: number;
  /** For UDP not a Unix socket. A name is resolved by this machine. */
  readonly target: ListenAddress;
}

const forwardExpected =
  "LISTEN=HOST:PORT, such as 127.0.0.1:5432=db.example:5432, or LISTEN=HOST:PORT/udp";
const exposeExpected =
  "PORT=HOST:PORT, such as 8080=127.0.0.1:3000, PORT/udp=HOST:PORT, or PORT=unix:PATH";

/** Reads "127.0.0.1:5432=db.example:5432", "53=10.0.0.1:53/udp" or "unix:/run/db.sock=db:5432". Throws TextProblem. */
export function parseForward(text: string): Forward {
  // A path may have an equals sign, and a host has none.
  const equals = text.lastIndexOf("=");
  if (equals === -1) throw new TextProblem("there is no equals sign", forwardExpected);
  const { protocol, rest } = takeProtocol(text.slice(equals + 1));
  const forward = {
    protocol,
    listen: parseListen(text.slice(0, equals)),
    target: within(equals + 1, () => parseTarget(rest)),
  };
  checkForward(forward);
  return forward;
}

/** Reads "8080=127.0.0.1:3000", "53/udp=[::1]:5353" or "80=unix:/run/web.sock". Throws TextProblem. */
export function parseExpose(text: string): Expose {
  const equals = text.indexOf("=");
  if (equals === -1) throw new TextProblem("there is no equals sign", exposeExpected);
  const { protocol, rest } = takeProtocol(text.slice(0, equals));
  const port = parsePort(rest, 1);
  const target = within(equals + 1, () => parseLocalTarget(text.slice(equals + 1)));
  const expose = { protocol, port, target };
  checkExpose(expose);
  return expose;
}

function takeProtocol(text: string): { readonly protocol: Protocol; readonly rest: string } {
  if (text.endsWith("/udp")) return { protocol: "udp", rest: text.slice(0, -4) };
  return { protocol: "tcp", rest: text.endsWith("/tcp") ? text.slice(0, -4) : text };
}

/** Throws TextProblem if the protocol and an address do not go together. */
export function checkForward({ protocol, listen }: Forward): void {
  refuseDatagrams(protocol, listen);
}

/** Throws TextProblem if the protocol and an address do not go together. */
export function checkExpose({ protocol, target }: Expose): void {
  refuseDatagrams(protocol, target);
}

function refuseDatagrams(protocol: Protocol, address: ListenAddress): void {
  if (protocol === "tcp" || !isSocketPath(address)) return;
  throw new TextProblem("UDP does not go through a Unix socket", "an address and a port");
}

/** Writes a forward so that parseForward reads it. */
export function formatForward({ protocol, listen, target }: Forward): string {
  const end = protocol === "udp" ? "/udp" : "";
  return `${formatSocketAddress(listen)}=${formatSocketAddress(target)}${end}`;
}

/** Writes an exposed port so that parseExpose reads it. */
export function formatExpose({ protocol, port, target }: Expose): string {
  return `${port}${protocol === "udp" ? "/udp" : ""}=${formatSocketAddress(target)}`;
}
