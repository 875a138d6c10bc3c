import fc from "fast-check";
import type { HostPort, ListenAddress, SocketPath } from "../../src/proxy/address.js";
import { canonicalAddress } from "../../src/proxy/address.js";
import type { Expose, Forward } from "../../src/proxy/forward.js";
import type { ProxyUser } from "../../src/proxy/users.js";
import { allowedIps, addresses as anyAddresses } from "../uapi/arbitrary.js";

/** Records that deepEqual finds equal to an object literal. */
function record<T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}

/** IPv4 and IPv6 addresses as they come out of a parser. */
export const addresses = anyAddresses.map((address) => canonicalAddress(address) ?? "0.0.0.0");
export const names = fc
  .array(fc.stringMatching(/^[a-z](?:[a-z0-9-]{0,10}[a-z0-9])?$/), { minLength: 1, maxLength: 4 })
  .map((labels) => labels.join("."));

const ports = fc.integer({ min: 1, max: 65_535 });

export const tcpListens: fc.Arbitrary<HostPort> = record({
  host: addresses,
  port: fc.integer({ min: 0, max: 65_535 }),
});
export const sockets: fc.Arbitrary<SocketPath> = fc
  .stringMatching(/^\/[ -.0-~]{1,60}(?:\/[ -.0-~]{1,30})?$/)
  .map((path) => ({ path }));
export const listens: fc.Arbitrary<ListenAddress> = fc.oneof(tcpListens, sockets);
export const targets: fc.Arbitrary<HostPort> = record({
  host: fc.oneof(addresses, names),
  port: ports,
});

const tcp = fc.constant<"tcp">("tcp");
const protocols = fc.constantFrom<"tcp" | "udp">("tcp", "udp");
export const forwards: fc.Arbitrary<Forward> = fc.oneof(
  record<Forward>({ protocol: protocols, listen: tcpListens, target: targets }),
  record<Forward>({ protocol: tcp, listen: sockets, target: targets }),
);
export const exposes: fc.Arbitrary<Expose> = fc.oneof(
  record<Expose>({ protocol: protocols, port: ports, target: targets }),
  record<Expose>({ protocol: tcp, port: ports, target: sockets }),
);
export const allowed = fc.oneof(
  allowedIps,
  names,
  names.map((name) => `*.${name}`),
);

const short = (text: string) => text !== "" && Buffer.byteLength(text) <= 255;
const printable = fc
  .string({ unit: "grapheme", maxLength: 40 })
  .filter((text) => !/\p{Cc}/u.test(text));
export const users: fc.Arbitrary<ProxyUser> = record({
  user: printable.filter((text) => short(text) && !text.includes(":") && !text.startsWith("#")),
  password: printable.filter(short),
});
export const userLists = fc.uniqueArray(users, { maxLength: 4, selector: ({ user }) => user });
