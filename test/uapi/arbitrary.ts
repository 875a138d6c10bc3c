import fc from "fast-check";
import type { DeviceChange, PeerChange } from "../../src/device/change.js";
import type { DeviceStatus, PeerStatus } from "../../src/device/status.js";
import { formatAddress } from "../../src/values/address.js";
import { allowedIp } from "../../src/values/allowed-ip.js";
import type { Endpoint } from "../../src/values/endpoint.js";
import { PresharedKey, PrivateKey, publicKeyFromBytes } from "../../src/values/key.js";
import { persistentKeepalive } from "../../src/values/number.js";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** Any 32 bytes but zeros, which mean that there is no key. */
const keyBytes = bytes(32).filter((key) => key.some((byte) => byte !== 0));

export const publicKeys = keyBytes.map((key) => publicKeyFromBytes(Buffer.from(key)));
export const privateKeys = keyBytes.map((key) => {
  const clamped = Uint8Array.from(key);
  clamped[0] = (clamped[0] ?? 0) & 248;
  clamped[31] = ((clamped[31] ?? 0) & 127) | 64;
  return PrivateKey.from(clamped);
});
export const presharedKeys = keyBytes.map((key) => PresharedKey.from(key));

export const addresses = fc.oneof(bytes(4), bytes(16), zeroRuns(), ipv4Mapped()).map(formatAddress);

function ipv4Mapped(): fc.Arbitrary<Uint8Array> {
  return bytes(4).map((last) => Uint8Array.of(...Array(10).fill(0), 255, 255, ...last));
}

/** IPv6 addresses with runs of zeros, as people have them. */
function zeroRuns(): fc.Arbitrary<Uint8Array> {
  return fc
    .array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    })
    .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255])));
}

export const allowedIps = fc
  .tuple(addresses, fc.integer({ min: 0, max: 128 }))
  .map(([address, length]) =>
    allowedIp(`${address}/${Math.min(length, address.includes(":") ? 128 : 32)}`),
  );

/** As the engine spells them: one that is IPv4-mapped becomes an IPv4 address. */
export const endpoints: fc.Arbitrary<Endpoint> = fc.record({
  host: addresses.map((address) => address.replace(/^::ffff:(?=\d+\.)/, "")),
  port: fc.integer({ min: 1, max: 65_535 }),
});

export const keepalives = fc.integer({ min: 0, max: 65_535 }).map(persistentKeepalive);

const unknownLines = fc.array(
  fc.tuple(fc.stringMatching(/^x_[a-z_]{1,20}$/), fc.stringMatching(/^[ -~]{0,20}$/)),
  { maxLength: 2 },
);

const counters = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

const peerStatuses: fc.Arbitrary<PeerStatus> = fc.record(
  {
    publicKey: publicKeys,
    presharedKey: presharedKeys,
    endpoint: endpoints,
    persistentKeepalive: keepalives,
    allowedIps: fc.uniqueArray(allowedIps, { maxLength: 4 }),
    latestHandshake: fc.integer({ min: 1, max: 4_000_000_000_000 }).map((time) => new Date(time)),
    receivedBytes: counters,
    sentBytes: counters,
    protocolVersion: fc.constant(1),
    unknown: unknownLines,
  },
  {
    requiredKeys: [
      "publicKey",
      "persistentKeepalive",
      "allowedIps",
      "receivedBytes",
      "sentBytes",
      "unknown",
    ],
  },
);

const ports = fc.integer({ min: 1, max: 65_535 });
const marks = fc.integer({ min: 1, max: 0xffff_ffff });

export const statuses: fc.Arbitrary<DeviceStatus> = fc.record(
  {
    privateKey: privateKeys,
    listenPort: ports,
    fwmark: marks,
    peers: fc.array(peerStatuses, { maxLength: 4 }),
    unknown: unknownLines,
  },
  { requiredKeys: ["peers", "unknown"] },
);

const removal = fc.constant("remove" as const);
const yes = fc.constant(true);
const someIps = fc.uniqueArray(allowedIps, { minLength: 1, maxLength: 4 });

const peerChanges: fc.Arbitrary<PeerChange> = fc.oneof(
  fc.record({ publicKey: publicKeys, remove: yes }),
  fc.record(
    {
      publicKey: publicKeys,
      updateOnly: yes,
      presharedKey: fc.oneof(presharedKeys, removal),
      endpoint: endpoints,
      persistentKeepalive: keepalives,
      replaceAllowedIps: yes,
      allowedIps: someIps,
      removeAllowedIps: someIps,
    },
    { requiredKeys: ["publicKey"] },
  ),
);

export const changes: fc.Arbitrary<DeviceChange> = fc.record(
  {
    listenPort: fc.integer({ min: 0, max: 65_535 }),
    fwmark: fc.integer({ min: 0, max: 0xffff_ffff }),
    privateKey: fc.oneof(privateKeys, removal),
    replacePeers: yes,
    peers: fc.array(peerChanges, { minLength: 1, maxLength: 4 }),
  },
  { requiredKeys: [] },
);
