import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { formatMetrics, labels } from "../../../src/cli/metrics/format.js";
import type { PeerLabels } from "../../../src/cli/metrics/friendly-labels.js";
import type { DeviceStatus, PeerStatus } from "../../../src/device/status.js";
import { allowedIp, publicKey } from "../../../src/index.js";
import { statuses } from "../../uapi/arbitrary.js";
import { describeWith } from "../programs.js";

const one = publicKey(`${"A".repeat(42)}E=`);
const two = publicKey(`${"B".repeat(42)}A=`);
const idle: PeerStatus = {
  publicKey: two,
  allowedIps: [],
  persistentKeepalive: "off",
  receivedBytes: 0n,
  sentBytes: 0n,
  unknown: [],
};
const busy: PeerStatus = {
  ...idle,
  publicKey: one,
  allowedIps: [allowedIp("10.70.0.2"), allowedIp("fd00::/64")],
  latestHandshake: new Date(1_555_771_458_500),
  receivedBytes: 18_446_744_073_709_551_615n,
  sentBytes: 9_007_199_254_740_993n,
};
const status: DeviceStatus = { peers: [idle, busy], unknown: [] };
const now = 1_555_771_470_000;

function format(friendly: ReadonlyMap<string, PeerLabels> = new Map()): string {
  return formatMetrics([{ name: "wg0", status, backend: "ffi" }], friendly, now);
}

describe("metrics", () => {
  it("have the exporter's names and labels, whole counters, and a stable order", () => {
    const busyLabels = `{interface="wg0",public_key="${one}",allowed_ips="10.70.0.2/32,fd00::/64"}`;
    const idleLabels = `{interface="wg0",public_key="${two}",allowed_ips="(none)"}`;
    assert.equal(
      format(),
      `# HELP wireguard_sent_bytes_total Bytes sent to the peer
# TYPE wireguard_sent_bytes_total counter
wireguard_sent_bytes_total${busyLabels} 9007199254740993
wireguard_sent_bytes_total${idleLabels} 0
# HELP wireguard_received_bytes_total Bytes received from the peer
# TYPE wireguard_received_bytes_total counter
wireguard_received_bytes_total${busyLabels} 18446744073709551615
wireguard_received_bytes_total${idleLabels} 0
# HELP wireguard_latest_handshake_seconds Seconds since 1970 of the latest handshake, 0 if there was none
# TYPE wireguard_latest_handshake_seconds gauge
wireguard_latest_handshake_seconds${busyLabels} 1555771458
wireguard_latest_handshake_seconds${idleLabels} 0
# HELP wg_bridge_handshake_age_seconds Seconds since the latest handshake, for peers that have had one
# TYPE wg_bridge_handshake_age_seconds gauge
wg_bridge_handshake_age_seconds${busyLabels} 11.5
# HELP wg_bridge_interface_info Which backend serves the interface
# TYPE wg_bridge_interface_info gauge
wg_bridge_interface_info{interface="wg0",backend="ffi"} 1
# HELP wg_bridge_interface_up 1 if the interface answers, otherwise 0
# TYPE wg_bridge_interface_up gauge
wg_bridge_interface_up{interface="wg0"} 1
`,
    );
  });

  it("have the friendly names of peers", () => {
    const text = format(new Map([[one, { friendly_name: "OnePlus 6T" }]]));
    assert.ok(text.includes(`fd00::/64",friendly_name="OnePlus 6T"} 9007199254740993\n`));
    assert.ok(!text.includes(`"(none)",friendly_name`));
  });

  it("are an empty text without interfaces", () => {
    assert.equal(formatMetrics([], new Map(), now), "");
  });

  it("escape characters that would end a label", () => {
    assert.equal(labels({ a: 'x\\"y"\nz', b: "ü" }), '{a="x\\\\\\"y\\"\\nz",b="ü"}');
  });
});

describeWith("promtool", "metrics, checked by promtool,", () => {
  it("are valid and well named, whatever a device reports", () => {
    const labelSets = fc.dictionary(
      fc.constantFrom("friendly_name", "id"),
      fc.string({ minLength: 1 }),
    );
    const names = fc.dictionary(fc.constantFrom(one, two), labelSets);
    fc.assert(
      fc.property(fc.array(statuses, { maxLength: 3 }), names, (all, friendly) => {
        const shown = [status, ...all].map((of, index) => ({
          name: `wg${index}`,
          status: { ...of, peers: onceEach(of.peers) },
          backend: "exec",
        }));
        const silent = { name: "wg9", backend: "other" };
        const input = formatMetrics([...shown, silent], new Map(Object.entries(friendly)), now);
        const { stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
          input,
          encoding: "utf8",
        });
        assert.equal(stdout + stderr, "", input);
      }),
      { numRuns: 25 },
    );
  });
});

/** A device has each peer once. */
function onceEach(peers: readonly PeerStatus[]): readonly PeerStatus[] {
  return [...new Map(peers.map((peer) => [peer.publicKey, peer])).values()];
}
