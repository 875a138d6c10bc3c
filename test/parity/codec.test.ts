import assert from "node:assert/strict";
import fc from "fast-check";
import { upstreamExecutablePath } from "../../src/artifacts.js";
import type { DeviceStatus } from "../../src/device/status.js";
import type { BackendRequest } from "../../src/strategy/choose.js";
import { openBackend } from "../../src/strategy/open.js";
import { encodeChange } from "../../src/uapi/encode.js";
import { getRequest } from "../../src/uapi/request.js";
import { decodeErrno, decodeStatus } from "../../src/uapi/status-decoder.js";
import { change } from "../device/model.js";
import { onlyInSandbox } from "../sandbox.js";
import { changes } from "../uapi/arbitrary.js";
import { reveal } from "../uapi/reveal.js";

const variants: readonly (readonly [string, BackendRequest, NodeJS.ProcessEnv])[] = [
  ["ffi", "ffi", {}],
  ["exec", "exec", {}],
  ["upstream's wireguard-go", "exec", { WIREGUARD_GO_EXECUTABLE: upstreamExecutablePath }],
];

const empty: DeviceStatus = { peers: [], unknown: [] };

/** Makes a status comparable: keys as text, peers and prefixes sorted, a port of 0 as none. */
function comparable({ listenPort, ...status }: DeviceStatus): unknown {
  const peers = status.peers
    .map(({ protocolVersion: _one, sentBytes: _sent, ...peer }) => ({
      ...peer, // without sentBytes: on a link that is up, keepalives are sent
      allowedIps: peer.allowedIps.toSorted(),
    }))
    .toSorted((one, other) => (one.publicKey < other.publicKey ? -1 : 1));
  return reveal({ ...status, peers, listenPort: listenPort || undefined });
}

for (const [title, request, settings] of variants) {
  describe(`the codec and ${title}`, () => {
    onlyInSandbox();

    it("agree on the effect of every change on a device", async () => {
      const { backend } = await openBackend(request, { ...process.env, ...settings });
      await using tunnel = await backend.start({ name: "wgu0", logLevel: "silent" });
      const set = async (input: Parameters<typeof encodeChange>[0]) =>
        decodeErrno(await tunnel.exchange(encodeChange(input)));
      const status = async () => decodeStatus(await tunnel.exchange(getRequest));
      await fc.assert(
        fc.asyncProperty(changes, changes, async (first, second) => {
          const reset = {
            listenPort: 0,
            fwmark: 0,
            privateKey: "remove",
            replacePeers: true,
          } as const;
          assert.equal(await set(reset), 0);
          let expected = empty;
          for (const input of [first, second]) {
            assert.equal(await set(input), 0);
            expected = change(expected, input);
            const { listenPort, ...rest } = await status();
            // Upstream's link is always up, so that its engine has chosen a port by itself.
            const reported = expected.listenPort ? { ...rest, listenPort: listenPort ?? 0 } : rest;
            assert.deepEqual(comparable(reported), comparable(expected));
          }
        }),
        { numRuns: 60 },
      );
    });
  });
}
