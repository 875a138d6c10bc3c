import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { DeviceChange } from "../../src/device/change.js";
import type { TunnelEventMap } from "../../src/tunnel/events.js";
import { Reresolve } from "../../src/tunnel/reresolve.js";
import { publicKey } from "../../src/values/key.js";
import { uncaughtDuring } from "./uncaught.js";

const peer = publicKey("07".repeat(32));
const named = { publicKey: peer, endpoint: { host: "peer.example", port: 9 } };
const status = async () => ({
  peers: [
    {
      publicKey: peer,
      persistentKeepalive: "off" as const,
      allowedIps: [],
      receivedBytes: 0n,
      sentBytes: 0n,
      unknown: [],
    },
  ],
  unknown: [],
});

/** What is set after a host name was resolved again, while something else happened. */
async function setAfter(happens: (reresolve: Reresolve) => void): Promise<DeviceChange[]> {
  const updates: DeviceChange[] = [];
  const update = async (change: DeviceChange) => {
    updates.push(change);
  };
  const alive = setInterval(() => {}, 1000); // its own timer keeps no process alive
  try {
    await new Promise<void>((resolve) => {
      const lookup = async () => {
        happens(reresolve);
        setImmediate(resolve);
        return "192.0.2.2";
      };
      const events = new EventEmitter<TunnelEventMap>();
      const reresolve = new Reresolve({ interval: 50 }, { status, update, lookup, events });
      reresolve.replace([named]);
    });
  } finally {
    clearInterval(alive);
  }
  return updates;
}

describe("a host name that is resolved again", () => {
  it("gives its peer the new address, and changes nothing else", async () => {
    const endpoint = { host: "192.0.2.2", port: 9 };
    const updates = await setAfter((reresolve) => setImmediate(() => reresolve.end()));
    assert.deepEqual(updates, [{ peers: [{ publicKey: peer, updateOnly: true, endpoint }] }]);
  });

  it("is forgotten if the peer was given another endpoint meanwhile, or the tunnel ended", async () => {
    const address = { publicKey: peer, endpoint: { host: "192.0.2.3", port: 9 } };
    assert.deepEqual(await setAfter((reresolve) => reresolve.learn([address])), []);
    assert.deepEqual(await setAfter((reresolve) => reresolve.replace([])), []);
    assert.deepEqual(await setAfter((reresolve) => reresolve.end()), []);
  });

  it("is checked although a listener for another's failure throws, which the program sees", async () => {
    const other = publicKey("08".repeat(32));
    const both = async () => {
      const { peers, unknown } = await status();
      return { peers: peers.flatMap((one) => [one, { ...one, publicKey: other }]), unknown };
    };
    const fault = new Error("on resolveFailed");
    const alive = setInterval(() => {}, 1000); // its own timer keeps no process alive
    const asked: string[] = [];
    const seen = await uncaughtDuring(
      () =>
        new Promise((resolve) => {
          const lookup = async (host: string) => {
            asked.push(host);
            if (host === "peer.example") throw new Error("no such host");
            reresolve.end();
            resolve();
            return "192.0.2.2";
          };
          const events = new EventEmitter<TunnelEventMap>();
          events.on("resolveFailed", () => {
            throw fault;
          });
          const ports = { status: both, update: async () => {}, lookup, events };
          const reresolve = new Reresolve({ interval: 1 }, ports);
          const endpoint = { host: "other.example", port: 9 };
          reresolve.replace([named, { publicKey: other, endpoint }]);
        }),
    );
    clearInterval(alive);
    assert.deepEqual(asked, ["peer.example", "other.example"]);
    assert.deepEqual(seen, [fault]);
  });
});
