import { WgBridgeError } from "../errors.js";
import type { HostPort } from "./address.js";
import { type Claim, findConflicts } from "./conflicts.js";
import type { ListenerOption, ProxyOptions } from "./options.js";
import { type CheckedProxySpec, claimsOf, type ProxyListener } from "./spec.js";
import type { UserFiles } from "./user-files.js";
import type { ProxyUser } from "./users.js";
import type { FileListener, Listeners } from "./wireproxy/listeners.js";

/** What `wg-bridge proxy` serves. */
export interface CommandSpec {
  readonly spec: CheckedProxySpec;
  readonly stdio?: HostPort;
}

/** What a file of wireproxy adds to the options. */
export type FilePart = Listeners & { readonly stdio?: HostPort };

/** Where a SOCKS5 proxy listens if nothing else is asked for. */
const standard: ListenerOption = { listen: { host: "127.0.0.1", port: 1080 } };

/**
 * Joins the options of `wg-bridge proxy`, the files that they name, and what wireproxy's file says.
 * @throws WgBridgeError WG_BRIDGE_VALUE if they contradict each other, or would let everybody use the tunnel
 */
export function commandSpec(
  options: ProxyOptions,
  files: UserFiles,
  { stdio: fileStdio, ...file }: FilePart = { socks5: [], http: [], forward: [], expose: [] },
): CommandSpec {
  const stdio = stdioOf(options.stdio, fileStdio);
  const asksForNothing =
    stdio === undefined &&
    [options, file].every(
      ({ socks5, http, forward, expose }) =>
        socks5.length + http.length + forward.length + expose.length === 0,
    );
  const socks5 = asksForNothing ? [standard] : options.socks5;
  const ofOption = ({ listen, user }: ListenerOption): ProxyListener => ({
    listen,
    users: user === undefined ? files.users : [ownUser(user, files)],
  });
  const ofFile = ({ listen, users = files.users }: FileListener): ProxyListener => ({
    listen,
    users,
  });
  const spec: CheckedProxySpec = {
    socks5: [...socks5.map(ofOption), ...file.socks5.map(ofFile)],
    http: [...options.http.map(ofOption), ...file.http.map(ofFile)],
    forward: [...options.forward, ...file.forward],
    expose: [...options.expose, ...file.expose],
    ...(options.allow && { allow: options.allow }),
    ...(options.hostDns && { hostDns: true }),
  };
  refuseUseless(spec, options);
  const counts = {
    socks5: socks5.length,
    http: options.http.length,
    forward: options.forward.length,
    expose: options.expose.length,
  };
  const claims = claimsOf(spec, (name, index) =>
    index < counts[name] ? `--${name}` : `the configuration's ${sectionOf(name)}`,
  );
  refuseConflicts([...claims, ...metricsClaims(options)], options.open);
  return { spec, ...(stdio && { stdio }) };
}

function stdioOf(option: HostPort | undefined, file: HostPort | undefined): HostPort | undefined {
  if (option === undefined || file === undefined) return option ?? file;
  throw new WgBridgeError(
    "WG_BRIDGE_VALUE",
    "--stdio: the configuration's [STDIOTunnel] has standard input already. Leave out one of them.",
  );
}

function ownUser(
  { name, file }: NonNullable<ListenerOption["user"]>,
  { passwords }: UserFiles,
): ProxyUser {
  const password = passwords.get(file);
  if (password === undefined) throw new Error("the file of a password was not read");
  return { user: name, password };
}

/** Refuses options that would seem to protect something and do not. */
function refuseUseless({ socks5, http }: CheckedProxySpec, { auth, allow }: ProxyOptions): void {
  if (socks5.length + http.length > 0) return;
  const name = auth !== undefined ? "--auth" : allow !== undefined ? "--allow" : undefined;
  if (name === undefined) return;
  throw new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `${name} is for SOCKS5 and HTTP proxies, and there is none. Leave it out, or give --socks5 or --http.`,
  );
}

function sectionOf(name: "socks5" | "http" | "forward" | "expose"): string {
  const sections = {
    socks5: "[Socks5]",
    http: "[http]",
    forward: "[TCPClientTunnel] or [UDPProxyTunnel]",
    expose: "[TCPServerTunnel]",
  };
  return sections[name];
}

function metricsClaims({ metrics }: ProxyOptions): readonly Claim[] {
  return metrics === undefined ? [] : [{ label: "--metrics", kind: "metrics", listen: metrics }];
}

function refuseConflicts(claims: readonly Claim[], open: boolean): void {
  const [conflict] = findConflicts(claims, open);
  if (conflict === undefined) return;
  const remedy = {
    "exposed proxy": "Give --auth FILE, a loopback address, or --open",
    "exposed forward": "Give a loopback address, or --open",
    taken: "Give another address",
    "taken port": "Give another port",
  }[conflict.kind];
  throw new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `${conflict.claim.label}: ${conflict.problem}. ${remedy}.`,
  );
}
