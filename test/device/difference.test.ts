import assert from "node:assert/strict";
import fc from "fast-check";
import type { DeviceConfig } from "../../src/device/config.js";
import { difference } from "../../src/device/difference.js";
import type { DeviceStatus } from "../../src/device/status.js";
import { allowedIp } from "../../src/values/allowed-ip.js";
import { PrivateKey, publicKeyFromBytes } from "../../src/values/key.js";
import { endpoints, keepalives, presharedKeys, privateKeys } from "../uapi/arbitrary.js";
import { change } from "./model.js";

// Few keys and prefixes, so that devices have them in common.
const peerKeys = fc.integer({ min: 1, max: 4 }).map((n) => publicKeyFromBytes(Buffer.alloc(32, n)));
const prefixes = fc.integer({ min: 0, max: 5 }).map((n) => allowedIp(`10.0.${n}.0/24`));

const configs: fc.Arbitrary<DeviceConfig> = fc.record(
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

const empty: DeviceStatus = { peers: [], unknown: [] };

/** A device that has been configured so. */
function configured(config: DeviceConfig): DeviceStatus {
  const asked = difference(empty, config);
  return asked === undefined ? empty : change(empty, asked);
}

describe("the difference between a device and what is wanted", () => {
  for (const exactly of [true, false]) {
    it(`leaves none once it is made, ${exactly ? "removing single allowed IPs" : "or without"}`, () => {
      fc.assert(
        fc.property(configs, configs, (before, wanted) => {
          const device = configured(before);
          const asked = difference(device, wanted, exactly);
          const after = asked === undefined ? device : change(device, asked);
          assert.equal(difference(after, wanted, exactly), undefined);
          assert.ok(exactly || !asked?.peers?.some((peer) => peer.removeAllowedIps));
        }),
        { numRuns: 500 },
      );
    });
  }

  it("mentions no peer that stays as it is", () => {
    fc.assert(
      fc.property(configs, (config) => {
        const device = configured(config);
        const other = publicKeyFromBytes(Buffer.alloc(32, 99));
        const peers = [...config.peers, { publicKey: other, allowedIps: [] }];
        const asked = difference(device, { ...config, peers });
        assert.deepEqual(
          asked?.peers?.map((peer) => peer.publicKey),
          [other],
        );
        assert.equal(asked?.privateKey, undefined);
        assert.equal(asked?.listenPort, undefined);
      }),
    );
  });

  it("removes what is not wanted any more", () => {
    const privateKey = PrivateKey.from(Buffer.alloc(32, 64));
    const publicKey = publicKeyFromBytes(Buffer.alloc(32, 7));
    const device = configured({ privateKey, fwmark: 7, peers: [{ publicKey, allowedIps: [] }] });
    assert.deepEqual(difference(device, { peers: [] }), {
      fwmark: 0,
      privateKey: "remove",
      peers: [{ publicKey, remove: true }],
    });
  });

  it("keeps a listen port and an endpoint that nobody asks about", () => {
    const publicKey = publicKeyFromBytes(Buffer.alloc(32, 7));
    const endpoint = { host: "192.0.2.1", port: 1 };
    const device = configured({ listenPort: 5, peers: [{ publicKey, endpoint, allowedIps: [] }] });
    assert.equal(difference(device, { peers: [{ publicKey, allowedIps: [] }] }), undefined);
    assert.equal(difference(device, { listenPort: 0, peers: device.peers }), undefined);
  });

  it("takes a key for the same that the engine has clamped", () => {
    const given = PrivateKey.from(Buffer.alloc(32, 255));
    const clamped = Buffer.alloc(32, 255);
    clamped[0] = 248;
    clamped[31] = 127;
    const device = { ...empty, privateKey: PrivateKey.from(clamped) };
    assert.equal(difference(device, { privateKey: given, peers: [] }), undefined);
  });

  it("takes 65,536 peers with 130,560 allowed IPs in all, and none of them changed", () => {
    const peers = Array.from({ length: 65_536 }, (_, index) => {
      const bytes = Buffer.alloc(32, 1);
      bytes.writeUInt32BE(index);
      const low = `${index >> 8}.${index & 255}`;
      const allowedIps = [allowedIp(`10.${low}.0/24`), allowedIp(`11.${low}.0/24`)];
      return { publicKey: publicKeyFromBytes(bytes), allowedIps };
    });
    assert.equal(difference(empty, { peers })?.peers?.length, peers.length);
    const status = peers.map((peer) => ({
      ...peer,
      persistentKeepalive: "off" as const,
      receivedBytes: 0n,
      sentBytes: 0n,
      unknown: [],
    }));
    assert.equal(difference({ peers: status, unknown: [] }, { peers }), undefined);
  });
});
