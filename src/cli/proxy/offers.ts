import { formatSocketAddress, type ListenAddress } from "../../proxy/address.js";
import type { CheckedProxySpec } from "../../proxy/spec.js";
import type { CheckAlive } from "../../proxy/wireproxy/wireguard.js";
import type {
  ProxyAddresses,
  ProxyCounts,
  ProxyStats,
  RunningProxy,
} from "../../userspace/proxy.js";
import type { UserspaceTunnel } from "../../userspace/tunnel.js";

/** What runs, and is measured and shown. A reload replaces the spec and what is pinged. */
export interface Subject {
  readonly tunnel: UserspaceTunnel;
  readonly proxy: RunningProxy;
  spec: CheckedProxySpec;
  checkAlive: CheckAlive | undefined;
}

/** One proxy, forward or exposed port, and what it has counted. */
export interface Offer {
  readonly kind: "socks5" | "http" | "forward" | "expose";
  /** An address of this machine, or "PORT/PROTOCOL" of the tunnel. */
  readonly listen: string;
  /** Where it leads, if that is always the same. */
  readonly target?: string;
  readonly counts: ProxyCounts;
}

/** Puts together what is known about each part of running proxies. */
export function offersOf(
  { socks5, http, forward }: ProxyAddresses,
  spec: CheckedProxySpec,
  counts: ProxyStats,
): readonly Offer[] {
  const at = (kind: Offer["kind"], list: readonly ListenAddress[], all: readonly ProxyCounts[]) =>
    all.map((one, index): Offer => {
      const address = list[index];
      const listen = address === undefined ? "" : formatSocketAddress(address);
      return { kind, listen, counts: one };
    });
  return [
    ...at("socks5", socks5, counts.socks5),
    ...at("http", http, counts.http),
    ...at("forward", forward, counts.forward).map((offer, index) => ({
      ...offer,
      ...targetOf(spec.forward[index]),
    })),
    ...counts.expose.map((one, index): Offer => {
      const { port, protocol } = spec.expose[index] ?? { port: 0, protocol: "tcp" };
      const listen = `${port}/${protocol}`;
      return { kind: "expose", listen, counts: one, ...targetOf(spec.expose[index]) };
    }),
  ];
}

function targetOf(entry: { readonly target: ListenAddress } | undefined): {
  readonly target?: string;
} {
  return entry === undefined ? {} : { target: formatSocketAddress(entry.target) };
}
