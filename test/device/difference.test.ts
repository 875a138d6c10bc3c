import assert from "node:assert/strict";
import fc from "fast-check";
import type { DeviceConfig } from "../../src/device/config.js";
import { difference, replacesAll } from "../../src/device/difference.js";
import type { DeviceStatus } from "../../src/device/status.js";
import { removesExactly, withWholeLists } from "../../src/device/whole-lists.js";
import { allowedIp } from "../../src/values/allowed-ip.js";
import { PrivateKey, publicKeyFromBytes, publicKeyHex } from "../../src/values/key.js";
import { configs } from "./arbitrary.js";
import { change } from "./model.js";

const empty: DeviceStatus = { peers: [], unknown: [] };

/** A device that has been configured so. */
function configured(config: DeviceConfig): DeviceStatus {
  const asked = difference(empty, config);
  return asked === undefined ? empty : change(empty, asked);
}

describe("the difference between a device and what is wanted", () => {
  it("leaves none once it is made, removing single allowed IPs or without", () => {
    fc.assert(
      fc.property(configs, configs, (before, wanted) => {
        const device = configured(before);
        const asked = difference(device, wanted);
        if (asked === undefined) return;
        const withWhole = withWholeLists(asked, device);
        assert.ok(!removesExactly(withWhole));
        for (const either of [asked, withWhole]) {
          assert.equal(difference(change(device, either), wanted), undefined);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("is complete if there are no peers yet", () => {
    fc.assert(
      fc.property(configs, configs, (wanted, other) => {
        const asked = difference(configured({ ...wanted, peers: [] }), wanted);
        fc.pre(asked?.peers !== undefined);
        const complete = wanted.privateKey !== undefined;
        assert.equal(replacesAll(asked), complete);
        if (!complete) return;
        assert.equal(difference(change(configured(other), asked), wanted), undefined);
      }),
    );
  });

  it("mentions no peer that stays as it is", () => {
    fc.assert(
      fc.property(configs, (config) => {
        const device = configured(config);
        fc.pre(device.peers.length > 0);
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

  it("contains the configuration of a status, and nothing else of it", () => {
    const status = {
      publicKey: publicKeyFromBytes(Buffer.alloc(32, 7)),
      persistentKeepalive: "off" as const,
      allowedIps: [],
      latestHandshake: new Date(1),
      receivedBytes: 1n,
      sentBytes: 1n,
      protocolVersion: 1,
      unknown: [["x_new", "1"] as const],
    };
    const { publicKey, allowedIps } = status;
    const asked = difference(empty, { peers: [status] });
    assert.deepEqual(asked?.peers, [{ publicKey, allowedIps }]);
  });

  it("keeps a listen port and an endpoint that nobody asks about", () => {
    const publicKey = publicKeyFromBytes(Buffer.alloc(32, 7));
    const endpoint = { host: "192.0.2.1", port: 1 };
    const device = configured({ listenPort: 5, peers: [{ publicKey, endpoint, allowedIps: [] }] });
    assert.equal(difference(device, { peers: [{ publicKey, allowedIps: [] }] }), undefined);
    assert.equal(difference(device, { listenPort: 0, peers: device.peers }), undefined);
  });

  it("recognises a key that the engine has clamped", () => {
    const given = PrivateKey.from(Buffer.alloc(32, 255));
    const clamped = Buffer.alloc(32, 255);
    clamped[0] = 248;
    clamped[31] = 127;
    const device = { ...empty, privateKey: PrivateKey.from(clamped) };
    assert.equal(difference(device, { privateKey: given, peers: [] }), undefined);
  });

  it("recognises a private key of which an engine reports the public one", () => {
    const privateKey = PrivateKey.from(Buffer.alloc(32, 255));
    const own = publicKeyHex(privateKey.publicKey());
    const device: DeviceStatus = { peers: [], unknown: [["own_public_key", own]] };
    assert.equal(difference(device, { privateKey, peers: [] }), undefined);
    assert.equal(difference(device, { peers: [] }), undefined);
    const another = PrivateKey.from(Buffer.alloc(32, 64));
    assert.equal(difference(device, { privateKey: another, peers: [] })?.privateKey, another);
  });

  it("accepts 65,536 peers with 130,560 allowed IPs in all, none of them changed", () => {
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
