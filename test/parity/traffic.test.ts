import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { untilAnswer } from "../../src/backends/exec/tunnel.js";
import { socketPath, waitUntilFree } from "../../src/uapi/socket.js";
import { pingAll } from "../ping.js";
import { assertNothingLeft, endLeftTunnels, ip, onlyInSandbox } from "../sandbox.js";
import { inNamespace } from "../suite/commands.js";
import { environment, programs } from "./programs.js";

interface Keys {
  readonly privateKey: string;
  readonly publicKey: string;
}

function makeKeys(): Keys {
  const privateKey = execFileSync("wg", ["genkey"], { encoding: "utf8" }).trim();
  const options = { input: privateKey, encoding: "utf8" } as const;
  return { privateKey, publicKey: execFileSync("wg", ["pubkey"], options).trim() };
}

/** Reports whether the kernel has WireGuard: wg-quick then prefers it to any program. */
function kernelHasWireGuard(): boolean {
  try {
    ip("link", "add", "wgprobe", "type", "wireguard");
  } catch {
    return existsSync("/sys/module/wireguard");
  }
  ip("link", "del", "wgprobe");
  return true;
}

for (const program of programs) {
  describe(`${program.title} in use`, () => {
    onlyInSandbox();
    endLeftTunnels("wg1", "wg2");
    let directory = "";

    before(() => {
      directory = mkdtempSync(join(tmpdir(), "wg-bridge-traffic-"));
    });

    after(() => rmSync(directory, { recursive: true }));

    it("carries traffic between two namespaces", async () => {
      const namespaces = ["wgb1", "wgb2"];
      for (const namespace of namespaces) ip("netns", "add", namespace);
      try {
        ip(
          "-n",
          "wgb1",
          "link",
          "add",
          "link1",
          "type",
          "veth",
          "peer",
          "name",
          "link2",
          "netns",
          "wgb2",
        );
        const keys = namespaces.map(makeKeys);
        for (const [index, namespace] of namespaces.entries()) {
          const own = index + 1;
          const other = 2 - index;
          const inside = (...args: string[]) =>
            execFileSync("ip", ["netns", "exec", namespace, ...args], {
              env: environment(program, {}),
              stdio: ["ignore", "ignore", "ignore"],
            });
          ip("-n", namespace, "address", "add", `192.0.2.${own}/24`, "dev", `link${own}`);
          ip("-n", namespace, "link", "set", `link${own}`, "up");
          inside(program.command, `wg${own}`);
          await untilAnswer(`wg${own}`, AbortSignal.timeout(10_000));
          const file = join(directory, `key${own}`);
          writeFileSync(file, keys[index]?.privateKey ?? "", { mode: 0o600 });
          const settings = ["listen-port", "51820", "private-key", file];
          const peer = ["peer", keys[1 - index]?.publicKey ?? ""];
          const where = ["endpoint", `192.0.2.${other}:51820`, "allowed-ips", "10.9.0.0/24"];
          inside("wg", "set", `wg${own}`, ...settings, ...peer, ...where);
          ip("-n", namespace, "address", "add", `10.9.0.${own}/24`, "dev", `wg${own}`);
          ip("-n", namespace, "link", "set", `wg${own}`, "up");
        }
        await pingAll("10.9.0.2", 3, ["-i", "0.2"], inNamespace("wgb1"));
        const shown = execFileSync("wg", ["show", "wg2", "transfer"], { encoding: "utf8" });
        assert.match(shown, /\t[1-9]\d*\t[1-9]\d*\n$/);
      } finally {
        // A program holds its namespace until its interface is deleted.
        for (const [index, namespace] of namespaces.entries()) {
          spawnSync("ip", ["-n", namespace, "link", "del", `wg${index + 1}`]);
          ip("netns", "del", namespace);
        }
        for (const name of ["wg1", "wg2"]) assert.ok(await waitUntilFree(name, 10_000));
      }
    });

    it("serves as wg-quick's userspace implementation by environment alone", async function () {
      if (kernelHasWireGuard()) {
        const test = this.test;
        if (test) test.title += " [skipped: this kernel has WireGuard, which wg-quick prefers]";
        this.skip();
      }
      const { privateKey } = makeKeys();
      const { publicKey } = makeKeys();
      const config = join(directory, "wg1.conf");
      writeFileSync(
        config,
        `[Interface]
PrivateKey = ${privateKey}
Address = 10.8.0.1/24, fd00:8::1/64
ListenPort = 51999
MTU = 1380

[Peer]
PublicKey = ${publicKey}
AllowedIPs = 10.8.0.2/32, fd00:8::2/128, 10.77.0.0/16
Endpoint = 192.0.2.9:51820
PersistentKeepalive = 25
`,
        { mode: 0o600 },
      );
      const env = environment(program, { WG_QUICK_USERSPACE_IMPLEMENTATION: program.command });
      const quick = (verb: string) =>
        execFileSync("wg-quick", [verb, config], { env, stdio: ["ignore", "ignore", "pipe"] });
      quick("up");
      assert.ok(existsSync(socketPath("wg1")), "the kernel's WireGuard was used");
      const shown = execFileSync("wg", ["showconf", "wg1"], { encoding: "utf8" });
      assert.match(shown, /^ListenPort = 51999$/m);
      assert.ok(shown.includes(`PrivateKey = ${privateKey}`));
      assert.match(shown, /^AllowedIPs = .*10\.77\.0\.0\/16/m);
      assert.equal(readFileSync("/sys/class/net/wg1/mtu", "utf8"), "1380\n");
      assert.match(ip("route", "show", "dev", "wg1"), /10\.77\.0\.0\/16/);
      quick("down");
      assert.ok(await waitUntilFree("wg1", 10_000));
      assertNothingLeft("wg1");
    });
  });
}
