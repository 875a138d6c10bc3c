import assert from "node:assert/strict";
import fc from "fast-check";
import type { DeviceChange } from "../../src/device/change.js";
import type { DeviceConfig } from "../../src/device/config.js";
import { difference } from "../../src/device/difference.js";
import { Device } from "../../src/uapi/device.js";
import { allowedIp } from "../../src/values/allowed-ip.js";
import { PrivateKey, publicKeyFromBytes } from "../../src/values/key.js";
import { configs, peerKeys, prefixes } from "../device/arbitrary.js";
import { hasCode } from "../error-code.js";
import { privateKeys } from "./arbitrary.js";
import { FakeEngine } from "./fake-engine.js";
import { reveal } from "./reveal.js";

/** Whether a device is what was asked for; what is absent may be anything where apply leaves it. */
function isWholly(engine: FakeEngine, wanted: DeviceConfig): boolean {
  return difference(engine.status, wanted) === undefined;
}

const one = publicKeyFromBytes(Buffer.alloc(32, 1));
const two = publicKeyFromBytes(Buffer.alloc(32, 2));
const net = allowedIp("10.0.0.0/24");
const other = allowedIp("10.0.1.0/24");

describe("several programs that apply to one device at once", () => {
  it("leave the configuration of one of them, in whatever order their requests arrive", async () => {
    await fc.assert(
      fc.asyncProperty(
        configs,
        fc.array(configs, { minLength: 2, maxLength: 3 }),
        fc.scheduler(),
        async (before, wanted, scheduler) => {
          const engine = new FakeEngine();
          await new Device(async (request) => engine.answer(request)).apply(before);
          const applied = wanted.map((config) => {
            const answer = async (request: Uint8Array) => engine.answer(request);
            return new Device(scheduler.scheduleFunction(answer)).apply(config);
          });
          const ends = await scheduler.waitFor(Promise.allSettled(applied));
          // Where they take turns for ever one gives up, and says so.
          const failed = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
          assert.ok(failed.every(hasCode("WG_BRIDGE_CONFLICT")), String(failed));
          fc.pre(failed.length === 0);
          assert.ok(wanted.some((config) => isWholly(engine, config)));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe("a program that configures an empty device", () => {
  const peers = [{ publicKey: one, allowedIps: [net] }];
  const key = PrivateKey.from(Buffer.alloc(32, 64));
  const others: DeviceConfig = {
    privateKey: PrivateKey.from(Buffer.alloc(32, 72)),
    fwmark: 2,
    listenPort: 2,
    peers: [{ publicKey: two, allowedIps: [other] }],
  };
  const wishes: readonly (readonly [string, DeviceConfig])[] = [
    ["a key", { privateKey: key, peers }],
    ["a port", { privateKey: key, listenPort: 1, peers }],
    ["no key", { peers }],
    ["no peers", { privateKey: key, fwmark: 1, peers: [] }],
  ];
  for (const [title, wanted] of wishes) {
    it(`keeps nothing of what another has made of it since it looked, wanting ${title}`, async () => {
      const engine = new FakeEngine();
      const another = new Device(async (request) => engine.answer(request));
      let waiting: DeviceConfig | undefined = others;
      const device = new Device(async (request) => {
        if (waiting !== undefined && request.toString().startsWith("set=1")) {
          const config = waiting;
          waiting = undefined;
          await another.apply(config);
        }
        return engine.answer(request);
      });
      await device.apply(wanted);
      assert.ok(isWholly(engine, wanted));
    });
  }
});

describe("one program's changes of a device", () => {
  it("are made one after another: the last one counts", async () => {
    await fc.assert(
      fc.asyncProperty(configs, configs, fc.scheduler(), async (first, second, scheduler) => {
        const engine = new FakeEngine();
        const answer = async (request: Uint8Array) => engine.answer(request);
        const device = new Device(scheduler.scheduleFunction(answer));
        await scheduler.waitFor(Promise.all([device.apply(first), device.apply(second)]));
        assert.ok(isWholly(engine, second));
      }),
    );
  });

  it("go on after one that was refused", async () => {
    const engine = new FakeEngine();
    const device = new Device(async (request) => engine.answer(request));
    engine.refuses = "fwmark=1";
    const refused = device.update({ fwmark: 1 });
    const made = device.update({ fwmark: 2 });
    await assert.rejects(refused, hasCode("WG_BRIDGE_REFUSED"));
    await made;
    assert.equal(engine.status.fwmark, 2);
  });
});

describe("a change of a device that is cancelled", () => {
  it("rejects at once, but a set that is on its way arrives whole and is looked after", async () => {
    const engine = new FakeEngine();
    const giveUp = new AbortController();
    const reason = new Error("changed my mind");
    let arrive = () => {};
    const arriving = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const device = new Device(async (request, signal) => {
      if (request.toString().startsWith("set=1") && engine.sets.length === 0) {
        giveUp.abort(reason);
        await arriving;
        assert.equal(signal?.aborted ?? false, false, "the set was cut short");
        const answer = engine.answer(request);
        // Another program's change lands between ours and our look at it.
        engine.answer(Buffer.from("set=1\nfwmark=99\n\n"));
        return answer;
      }
      return engine.answer(request);
    });
    await assert.rejects(device.apply({ fwmark: 7, peers: [] }, giveUp.signal), reason);
    assert.equal(engine.sets.length, 0);
    arrive();
    await device.update({}); // its turn comes when the one before is done
    assert.equal(engine.status.fwmark, 7);
  });

  it("sends nothing once its signal has fired", async () => {
    const engine = new FakeEngine();
    const giveUp = new AbortController();
    const device = new Device(async (request) => {
      giveUp.abort();
      return engine.answer(request);
    });
    await assert.rejects(device.apply({ fwmark: 7, peers: [] }, giveUp.signal));
    const twoPeers = [{ publicKey: one }, { publicKey: two }];
    await assert.rejects(device.update({ peers: twoPeers }, giveUp.signal));
    await assert.rejects(device.update({ fwmark: 7 }, AbortSignal.abort()));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(engine.sets, []);
  });
});

describe("a change of a device that is refused half-way", () => {
  const changes: readonly (readonly [string, DeviceChange])[] = [
    ["with a device key that nobody knows", { replacePeers: true, unknown: [["x_bad", "1"]] }],
    [
      "with a peer key that nobody knows",
      { peers: [{ publicKey: one, persistentKeepalive: 9, unknown: [["x_bad", "1"]] }] },
    ],
    [
      "at a second peer",
      {
        peers: [
          { publicKey: one, allowedIps: [other] },
          { publicKey: two, unknown: [["x_bad", "1"]] },
        ],
      },
    ],
    [
      "after a new endpoint, where there was none",
      {
        peers: [
          { publicKey: one, endpoint: { host: "192.0.2.1", port: 9 } },
          { publicKey: two, unknown: [["x_bad", "1"]] },
        ],
      },
    ],
  ];
  for (const [title, change] of changes) {
    it(`leaves the device as it was: ${title}`, async () => {
      const engine = new FakeEngine();
      const device = new Device(async (request) => engine.answer(request));
      await device.apply({ fwmark: 3, peers: [{ publicKey: one, allowedIps: [net] }] });
      const before = reveal(engine.status);
      engine.refuses = "x_bad";
      await assert.rejects(device.update(change), hasCode("WG_BRIDGE_REFUSED"));
      assert.deepEqual(reveal(engine.status), before);
    });
  }

  it("leaves it as it was, also if a private key was removed before", async () => {
    await fc.assert(
      fc.asyncProperty(configs, privateKeys, peerKeys, async (before, privateKey, publicKey) => {
        const engine = new FakeEngine();
        const device = new Device(async (request) => engine.answer(request));
        await device.apply(before);
        const present = engine.status;
        engine.refuses = "x_bad";
        const bad: DeviceChange = { privateKey, peers: [{ publicKey, unknown: [["x_bad", ""]] }] };
        if (privateKey.publicKey() === publicKey) return;
        await assert.rejects(device.update(bad), hasCode("WG_BRIDGE_REFUSED"));
        assert.equal(difference(engine.status, present), undefined);
      }),
    );
  });
});

describe("an engine that cannot remove single allowed IPs", () => {
  it("is given whole lists instead, by apply and by update", async () => {
    await fc.assert(
      fc.asyncProperty(
        configs,
        configs,
        fc.array(
          fc.record(
            {
              publicKey: peerKeys,
              replaceAllowedIps: fc.constant(true),
              allowedIps: fc.array(prefixes, { minLength: 1, maxLength: 3 }),
              removeAllowedIps: fc.array(prefixes, { minLength: 1, maxLength: 3 }),
            },
            { requiredKeys: ["publicKey"] },
          ),
          { minLength: 1, maxLength: 3 },
        ),
        async (before, wanted, peers) => {
          const [able, unable, rude] = [new FakeEngine(), new FakeEngine(), new FakeEngine()];
          unable.refuses = "allowed_ip=-";
          rude.refuses = "allowed_ip=-";
          rude.hangsUp = true;
          for (const engine of [able, unable, rude]) {
            const device = new Device(async (request) => engine.answer(request));
            await device.apply(before);
            await device.apply(wanted);
            await device.update({ peers });
          }
          const owners = (engine: FakeEngine) =>
            engine.status.peers.map(({ publicKey, allowedIps }) => [
              publicKey,
              allowedIps.toSorted(),
            ]);
          assert.deepEqual(owners(unable), owners(able));
          assert.deepEqual(owners(rude), owners(able));
        },
      ),
    );
  });
});
