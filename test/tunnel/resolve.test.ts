import assert from "node:assert/strict";
import { mock } from "node:test";
import { WgBridgeError } from "../../src/index.js";
import { resolvePeers } from "../../src/tunnel/resolve.js";
import { publicKey } from "../../src/values/key.js";

const peer = {
  publicKey: publicKey("07".repeat(32)),
  endpoint: { host: "peer.example", port: 9 },
  allowedIps: [],
};
const reason = new Error("changed my mind");

/** A resolver whose answers are given by hand. */
function slowLookup() {
  const { promise, resolve, reject } = withResolvers();
  return { lookup: () => promise, resolve, reject };
}

function withResolvers() {
  let resolve: (address: string) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<string>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  return { promise, resolve, reject };
}

describe("resolving the peers' host names", () => {
  it("puts an address in place of a name, and asks for none in place of an address", async () => {
    const asked: string[] = [];
    const lookup = async (host: string) => {
      asked.push(host);
      return "192.0.2.1";
    };
    const numeric = { ...peer, endpoint: { host: "fe80::1%lo", port: 1 } };
    const resolved = await resolvePeers([numeric, peer], lookup, undefined);
    assert.deepEqual(resolved, [numeric, { ...peer, endpoint: { host: "192.0.2.1", port: 9 } }]);
    assert.deepEqual(asked, ["peer.example"]);
  });

  it("gives up by itself after half a minute without an answer", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const { lookup } = slowLookup();
      const resolving = resolvePeers([peer], lookup, undefined);
      const refused = assert.rejects(resolving, (error: unknown) => {
        assert.ok(error instanceof WgBridgeError);
        assert.equal(error.code, "WG_BRIDGE_RESOLVE");
        assert.match(
          error.message,
          /peer\.example .* cannot be resolved \(no answer within 30 s\)/,
        );
        return true;
      });
      mock.timers.tick(30_000);
      await refused;
    } finally {
      mock.timers.reset();
    }
  });

  it("gives up at once when its signal fires, whatever the resolver says later", async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", note);
    try {
      for (const signal of [AbortSignal.abort(reason), undefined]) {
        const giveUp = new AbortController();
        const { lookup, reject } = slowLookup();
        const resolving = resolvePeers([peer], lookup, signal ?? giveUp.signal);
        giveUp.abort(reason);
        await assert.rejects(resolving, reason);
        reject(new Error("no such host"));
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.deepEqual(unhandled, []);
    } finally {
      process.removeListener("unhandledRejection", note);
    }
  });
});
