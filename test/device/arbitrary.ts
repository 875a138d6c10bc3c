import fc from "fast-check";
import type { DeviceConfig } from "../../src/device/config.js";
import { allowedIp } from "../../src/values/allowed-ip.js";
import { publicKeyFromBytes } from "../../src/values/key.js";
import { endpoints, keepalives, presharedKeys, privateKeys } from "../uapi/arbitrary.js";

// Few keys and prefixes, so that devices have them in common.

export const peerKeys = fc
  .integer({ min: 1, max: 4 })
  .map((n) => publicKeyFromBytes(Buffer.alloc(32, n)));

export const prefixes = fc.integer({ min: 0, max: 5 }).map((n) => allowedIp(`10.0.${n}.0/24`));

/** Configurations of up to 4 peers; one may be listed twice, and an allowed IP for several. */
export const configs: fc.Arbitrary<DeviceConfig> = fc.record(
  {
    privateKey: privateKeys,
    listenPort: fc.integer({ min: 0, max: 3 }),
    fwmark: fc.integer({ min: 0, max: 2 }),
    peers: fc.array(
      fc.record(
        {
          publicKey: peerKeys,
          presharedKey: presharedKeys,
          endpoint: endpoints,
          persistentKeepalive: keepalives,
          allowedIps: fc.array(prefixes, { maxLength: 4 }),
        },
        { requiredKeys: ["publicKey", "allowedIps"] },
      ),
      { maxLength: 5 },
    ),
  },
  { requiredKeys: ["peers"] },
);
