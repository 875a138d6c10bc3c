import assert from "node:assert/strict";
import fc from "fast-check";
import { observe, silence } from "../../src/device/observe.js";
import type { DeviceStatus, PeerStatus } from "../../src/device/status.js";
import { publicKeyFromBytes } from "../../src/values/key.js";

const peer = publicKeyFromBytes(Buffer.alloc(32, 7));
const here = { host: "192.0.2.1", port: 1 };
const there = { host: "192.0.2.2", port: 1 };

function device(more: Partial<PeerStatus>): DeviceStatus {
  const one: PeerStatus = {
    publicKey: peer,
    persistentKeepalive: "off",
    allowedIps: [],
    receivedBytes: 0n,
    sentBytes: 0n,
    unknown: [],
    ...more,
  };
  return { peers: [one], unknown: [] };
}

describe("two polls of a device", () => {
  const at = new Date(1_000_000);
  const later = new Date(1_120_000);
  const look = (more: Partial<PeerStatus>, when: number) => ({ status: device(more), at: when });

  it("report nothing if nothing has happened", () => {
    const same = { latestHandshake: at, endpoint: here };
    assert.deepEqual(observe(look(same, +at), device(same), +at + 1000), []);
  });

  it("report a first handshake and each further one", () => {
    const first = observe(look({}, +at), device({ latestHandshake: at }), +at);
    assert.deepEqual(first, [["handshake", { peer, at }]]);
    const again = observe(
      look({ latestHandshake: at }, +at),
      device({ latestHandshake: later }),
      +later,
    );
    assert.deepEqual(again, [["handshake", { peer, at: later }]]);
  });

  it("report that a peer's endpoint changed", () => {
    const moved = observe(look({ endpoint: here }, 0), device({ endpoint: there }), 1);
    assert.deepEqual(moved, [["endpoint", { peer, endpoint: there, previous: here }]]);
    const found = observe(look({}, 0), device({ endpoint: there }), 1);
    assert.deepEqual(found, [["endpoint", { peer, endpoint: there, previous: undefined }]]);
  });

  it("report a silence once, when it has lasted 180 s", () => {
    const status = { latestHandshake: at };
    const reported = [["silent", { peer, latestHandshake: at }]];
    const before = +at + silence - 1;
    assert.deepEqual(observe(look(status, +at), device(status), before), []);
    assert.deepEqual(observe(look(status, before), device(status), before + 1), reported);
    assert.deepEqual(observe(look(status, before + 1), device(status), before + 1000), []);
    assert.deepEqual(observe(undefined, device(status), before + 1), reported);
  });

  it("report no silence of a peer that never had a handshake, and nothing else at first", () => {
    assert.deepEqual(observe(undefined, device({ endpoint: here }), 1e12), []);
    assert.deepEqual(observe(undefined, device({ latestHandshake: at }), +at), []);
  });

  it("report each handshake once and each silence once, however many there are", () => {
    // Seconds that pass before a look, and whether there has been a handshake since the last.
    const turns = fc.tuple(fc.integer({ min: 1, max: 400 }), fc.boolean());
    fc.assert(
      fc.property(fc.array(turns, { minLength: 1, maxLength: 30 }), (series) => {
        let previous = look({}, 0);
        const reported: string[] = [];
        const expected: string[] = [];
        let latest: Date | undefined;
        let silent = true;
        for (const [passed, shaken] of series) {
          const now = previous.at + passed * 1000;
          if (shaken) {
            latest = new Date(now);
            silent = false;
            expected.push(`handshake ${now}`);
          } else if (!silent && latest !== undefined && now - +latest >= silence) {
            silent = true;
            expected.push(`silent ${+latest}`);
          }
          const next = look(latest === undefined ? {} : { latestHandshake: latest }, now);
          for (const [name, event] of observe(previous, next.status, now)) {
            reported.push(`${name} ${"at" in event ? +event.at : latest?.getTime()}`);
          }
          previous = next;
        }
        assert.deepEqual(reported, expected);
      }),
    );
  });
});
