import assert from "node:assert/strict";
import { once } from "node:events";
import { mock } from "node:test";
import { openTunnel, publicKey } from "../../src/index.js";
import { Pair } from "../pair.js";
import { endLeftTunnels, onlyInSandbox } from "../sandbox.js";
import { assertSameSession } from "../session.js";

const watching = { pollInterval: 20 };

function openPair(backend: "ffi" | "exec"): Promise<Pair> {
  return Pair.open({ number: 1, near: { backend, ...watching }, far: { backend, ...watching } });
}

for (const backend of ["ffi", "exec"] as const) {
  describe(`a live session on ${backend}`, () => {
    onlyInSandbox();

    it("outlasts the configuration that changes around it, and loses no packet", async () => {
      await using pair = await openPair(backend);
      await pair.ping(1);
      const [before] = (await pair.near.status()).peers;
      const pings = pair.ping(50);
      for (let turn = 1; turn <= 20; turn++) {
        const [peer] = pair.nearConfig.peers;
        assert.ok(peer !== undefined);
        const allowedIps = [...peer.allowedIps, `10.61.1.${turn}`];
        const more = publicKey(turn.toString(16).padStart(2, "0").repeat(32));
        const peers = [
          { ...peer, allowedIps },
          { publicKey: more, allowedIps: [] },
        ];
        await pair.near.apply({ ...pair.nearConfig, fwmark: 0, peers });
      }
      await pings;
      const after = await pair.near.status();
      const kept = after.peers.find((peer) => peer.latestHandshake !== undefined);
      assertSameSession(kept, before, 50);
    });

    it("emits its handshake, and the endpoint of its peer", async () => {
      await using pair = await openPair(backend);
      const handshake = once(pair.near, "handshake");
      const endpoint = once(pair.far, "endpoint");
      await pair.far.status();
      await pair.ping(1);
      assert.equal((await handshake)[0].peer, pair.nearConfig.peers[0]?.publicKey);
      assert.deepEqual((await endpoint)[0].endpoint, { host: "127.0.0.1", port: 52_010 });
      const moved = once(pair.far, "endpoint");
      await pair.near.update({ listenPort: 51_703 });
      await pair.ping(1);
      assert.deepEqual((await moved)[0].endpoint, { host: "127.0.0.1", port: 51_703 });
    });
  });
}

describe("a peer's host name", () => {
  onlyInSandbox();
  endLeftTunnels("wgl0");
  const peer = publicKey("07".repeat(32));
  const endpoint = { host: "peer.example", port: 9 };
  const config = { peers: [{ publicKey: peer, endpoint, allowedIps: [] }] };

  it("is resolved, and again while handshakes are missing", async () => {
    let address = "192.0.2.1";
    const lookup = async () => address;
    await using tunnel = await openTunnel({
      name: "wgl0",
      backend: "ffi",
      config,
      pollInterval: 5,
      resolve: { lookup, interval: 5 },
    });
    assert.equal((await tunnel.status()).peers[0]?.endpoint?.host, "192.0.2.1");
    const moved = once(tunnel, "endpoint");
    address = "192.0.2.2";
    assert.deepEqual((await moved)[0].endpoint, { host: "192.0.2.2", port: 9 });
  });

  it("emits that it could not be resolved again, and is retried", async () => {
    const answers = ["192.0.2.1"];
    const lookup = async () => {
      const answer = answers.shift();
      if (answer === undefined) throw new Error("no such host");
      return answer;
    };
    await using tunnel = await openTunnel({
      name: "wgl0",
      backend: "ffi",
      config,
      pollInterval: 5,
      resolve: { lookup, interval: 5 },
    });
    const [failed] = await once(tunnel, "resolveFailed");
    assert.equal(failed.error.code, "WG_BRIDGE_RESOLVE");
    const moved = once(tunnel, "endpoint");
    answers.push("192.0.2.3", "192.0.2.3", "192.0.2.3");
    assert.equal((await moved)[0].endpoint.host, "192.0.2.3");
  });

  it("is resolved by the system, /etc/hosts included, and an error names it", async () => {
    await using tunnel = await openTunnel({ name: "wgl0", backend: "ffi" });
    const local = { ...endpoint, host: "localhost" };
    await tunnel.apply({ peers: [{ publicKey: peer, endpoint: local, allowedIps: [] }] });
    assert.match(`${(await tunnel.status()).peers[0]?.endpoint?.host}`, /^(127\.0\.0\.1|::1)$/);
    const unknown = { ...endpoint, host: "no-such-host.invalid" };
    const failure = tunnel.apply({
      peers: [{ publicKey: peer, endpoint: unknown, allowedIps: [] }],
    });
    await assert.rejects(failure, /no-such-host\.invalid of the peer BwcHBwc/);
  });

  it("is not resolved again if that is turned off", async () => {
    const setInterval = mock.method(globalThis, "setInterval");
    try {
      const local = {
        peers: [{ publicKey: peer, endpoint: { host: "localhost", port: 9 }, allowedIps: [] }],
      };
      for (const [resolve, expected] of [
        [false, 0],
        [{}, 1],
      ] as const) {
        const before = setInterval.mock.callCount();
        await using tunnel = await openTunnel({
          name: "wgl0",
          backend: "ffi",
          config: local,
          resolve,
        });
        assert.equal(setInterval.mock.callCount() - before, expected);
        assert.equal((await tunnel.status()).peers.length, 1);
      }
    } finally {
      setInterval.mock.restore();
    }
  });
});
