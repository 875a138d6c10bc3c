import assert from "node:assert/strict";
import { allowedIp, openTunnel, PrivateKey } from "../../src/index.js";
import { refuseServersOutside } from "../../src/userspace/name-servers.js";
import { publicKeyFromBytes } from "../../src/values/key.js";
import { onlyInSandbox } from "../sandbox.js";
import { farAddress, nearAddress, openPair } from "./engines.js";

const refusal = {
  code: "WG_BRIDGE_VALUE",
  message: /^The DNS server .* is outside the allowed IPs/,
};

describe("name servers outside the allowed IPs", function () {
  this.timeout(60_000);
  onlyInSandbox();

  it("are told from those inside", () => {
    const network = { addresses: ["10.0.0.1"], search: [] };
    const peers = (...ranges: readonly string[]) =>
      ranges.map((range, index) => ({
        publicKey: publicKeyFromBytes(Buffer.alloc(32, index + 1)),
        allowedIps: [allowedIp(range)],
      }));
    const check = (dns: readonly string[], ...ranges: readonly string[]) =>
      refuseServersOutside({ ...network, dns }, peers(...ranges));
    check(["192.0.2.1", "fd00::53"], "fd00::/8", "192.0.2.0/24");
    check(["192.0.2.1", "fd00::53"], "0.0.0.0/0", "::/0");
    check(["10.0.0.1"], "192.0.2.0/24"); // the tunnel's own
    check(["192.0.2.1"]); // no peer
    assert.throws(() => check(["192.0.2.1", "192.0.3.1"], "192.0.2.0/24"), {
      ...refusal,
      message:
        "The DNS server 192.0.3.1 is outside the allowed IPs of all peers (192.0.2.0/24), so that the tunnel cannot carry questions to it. Add 192.0.3.1/32 to a peer's AllowedIPs, or name a server inside.",
    });
    assert.throws(() => check(["fd01::53"], "fd00::/16", "0.0.0.0/0"), /Add fd01::53\/128/);
    const many = Array.from({ length: 9 }, (_, index) => `10.9.${index}.0/24`);
    assert.throws(() => check(["192.0.2.1"], ...many), /10\.9\.7\.0\/24 and 1 more\)/);
  });

  it("are refused when a tunnel is opened, and when a configuration is applied", async () => {
    const peer = { publicKey: PrivateKey.generate().publicKey(), allowedIps: ["10.0.0.0/8"] };
    const config = { privateKey: PrivateKey.generate(), peers: [peer] };
    const options = { network: "userspace", addresses: ["10.0.0.1"] } as const;
    await assert.rejects(openTunnel({ ...options, config, dns: ["192.0.2.1"] }), refusal);
    await using tunnel = await openTunnel({ ...options, config, dns: ["10.0.0.53"] });
    const elsewhere = { ...config, peers: [{ ...peer, allowedIps: ["172.16.0.0/12"] }] };
    await assert.rejects(tunnel.apply(elsewhere), refusal);
    const { peers } = await tunnel.status();
    assert.deepEqual(peers[0]?.allowedIps, ["10.0.0.0/8"]);
  });

  it("fail at once, and are counted, if the allowed IPs change later", async () => {
    const dns = [farAddress];
    await using pair = await openPair({ near: { dns } });
    const [peer] = (await pair.tunnel.status()).peers;
    assert.ok(peer);
    const change = { publicKey: peer.publicKey, allowedIps: [`${nearAddress}/32`] };
    await pair.tunnel.update({ peers: [{ ...change, replaceAllowedIps: true }] });
    await assert.rejects(pair.tunnel.resolve4("name.example"), (error: Error) => {
      assert.equal(Reflect.get(error, "code"), "EAI_AGAIN");
      return error.message.includes(farAddress);
    });
    const { failedLookups } = await pair.tunnel.stats();
    assert.deepEqual(failedLookups, {
      notFound: 0,
      noServer: 0,
      timedOut: 0,
      unreachable: 1,
      serverFailed: 0,
    });
  });
});
