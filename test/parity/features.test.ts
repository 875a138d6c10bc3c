import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parseDisabled } from "../../src/backends/features.js";
import { openTunnel, type TunnelOptions, WgBridgeError } from "../../src/index.js";
import { Pair } from "../pair.js";
import { assertNothingLeft, endLeftTunnels, ip, onlyInSandbox } from "../sandbox.js";
import { ours, Running } from "./programs.js";

/** Of both interfaces, in bytes. */
const mtu = 1420;

const each = [...parseDisabled("all"), "all"] as const;

/** Returns a counter of an interface, which begins at its creation. */
function counter(name: string, of: "tx_bytes" | "tx_packets"): number {
  return Number(readFileSync(`/sys/class/net/${name}/statistics/${of}`, "utf8"));
}

function environment(disable: string): NodeJS.ProcessEnv {
  return { ...process.env, WG_BRIDGE_DISABLE: disable };
}

/** Options that choose features, and whether the kernel then hands over TCP segments over IPv4 unsplit. */
const choices: readonly (readonly [string, Partial<TunnelOptions>, boolean])[] = [
  ["with nothing disabled", { env: environment("") }, true],
  ["with others disabled", { disable: ["tso6", "udp-gro"] }, true],
  ["with the option tso4", { disable: ["tso4"], env: environment("") }, false],
  ["with the option all", { disable: ["all"], env: environment("") }, false],
  ["with tso4 in the environment", { env: environment("uso,tso4") }, false],
  ["with an empty option before the environment", { disable: [], env: environment("all") }, true],
];

for (const backend of ["ffi", "exec"] as const) {
  describe(`a tunnel on ${backend}`, () => {
    onlyInSandbox();

    for (const feature of each) {
      it(`carries every byte without ${feature}`, async () => {
        const options: Partial<TunnelOptions> = { backend, disable: [feature] };
        await using pair = await Pair.open({ number: 40, near: options, far: options });
        await pair.ping(3);
        await pair.transfer(2_000_000);
      });
    }

    for (const [title, options, whole] of choices) {
      it(`${title} receives ${whole ? "many segments as one packet" : "each segment alone"}`, async () => {
        const either = { ...options, backend };
        await using pair = await Pair.open({ number: 41, near: either, far: either, mtu });
        await pair.transfer(4_000_000);
        const { name } = pair.near;
        const mean = counter(name, "tx_bytes") / counter(name, "tx_packets");
        assert.equal(mean > 2 * mtu, whole, `packets of ${mean} bytes`);
      });
    }

    it("is not opened if the feature to disable is unknown", async () => {
      await assert.rejects(
        openTunnel({ name: "wg1", backend, env: environment("tso4,tos6") }),
        (error) =>
          error instanceof WgBridgeError &&
          error.code === "WG_BRIDGE_FEATURE_UNKNOWN" &&
          error.message.includes('"tos6"'),
      );
      assertNothingLeft("wg1");
    });
  });
}

for (const program of ours) {
  describe(`${program.title}, with features disabled by the environment,`, () => {
    onlyInSandbox();
    endLeftTunnels("wg1");

    for (const args of [["-f", "wg1"], ["wg1"]]) {
      it(`logs which features ${args.join(" ")} does not use`, async () => {
        const settings = { LOG_LEVEL: "verbose", WG_BRIDGE_DISABLE: "udp-gro,uso" };
        const running = await new Running(program, args, settings).answers("wg1");
        ip("link", "del", "wg1");
        assert.match((await running.ended).stdout, /^DEBUG: \(wg1\) .*Disabled: uso,udp-gro$/m);
      });
    }
  });
}
