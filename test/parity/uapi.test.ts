import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { upstreamExecutablePath } from "../../src/artifacts.js";
import type { RunningTunnel } from "../../src/backends/backend.js";
import type { BackendRequest } from "../../src/strategy/choose.js";
import { openBackend } from "../../src/strategy/open.js";
import { ask } from "../ask.js";
import { ip, onlyInSandbox } from "../sandbox.js";

const variants: readonly (readonly [string, BackendRequest, NodeJS.ProcessEnv])[] = [
  ["ffi", "ffi", {}],
  ["exec", "exec", {}],
  ["upstream's wireguard-go", "exec", { WIREGUARD_GO_EXECUTABLE: upstreamExecutablePath }],
];

const key = { own: "a8".repeat(31), peer: "b1".repeat(32), other: "c2".repeat(32) };
const privateKey = `${key.own}68`;
const zero = "00".repeat(32);

/** Everything that can be set, and the lines that a get then returns. */
const everything = [
  `private_key=${privateKey}`,
  "listen_port=4242",
  "fwmark=51820",
  "replace_peers=true",
  `public_key=${key.peer}`,
  `preshared_key=${"d3".repeat(32)}`,
  "endpoint=[2001:db8::1%1]:51820",
  "endpoint=192.0.2.7:51820",
  "persistent_keepalive_interval=25",
  "replace_allowed_ips=true",
  "allowed_ip=10.1.0.0/16",
  "allowed_ip=2001:db8::/32",
  "protocol_version=1",
];
const everythingAnswered = [
  `private_key=${privateKey}`,
  "listen_port=4242",
  "fwmark=51820",
  `public_key=${key.peer}`,
  `preshared_key=${"d3".repeat(32)}`,
  "protocol_version=1",
  "endpoint=192.0.2.7:51820",
  "last_handshake_time_sec=0",
  "last_handshake_time_nsec=0",
  "persistent_keepalive_interval=25",
  "allowed_ip=10.1.0.0/16",
  "allowed_ip=2001:db8::/32",
];

/** Returns a get's lines without the counters, which a keepalive may change at any moment. */
function lines(answer: string): string[] {
  return answer.split("\n").filter((line) => line !== "" && !/^[rt]x_bytes=\d+$/.test(line));
}

for (const [title, request, settings] of variants) {
  describe(`UAPI of ${title}`, () => {
    onlyInSandbox();
    let tunnel: RunningTunnel;
    let up: Promise<void>;

    beforeEach(async () => {
      const { backend } = await openBackend(request, { ...process.env, ...settings });
      let resolveUp = () => {};
      up = new Promise((resolve) => {
        resolveUp = resolve;
      });
      const onLog = (line: string) => {
        if (line.includes("now Up")) resolveUp();
      };
      tunnel = await backend.start({ name: "wg1", logLevel: "verbose", onLog });
    });

    afterEach(() => tunnel.close());

    function set(...content: readonly string[]): Promise<string> {
      return ask(tunnel, `set=1\n${content.map((line) => `${line}\n`).join("")}\n`);
    }

    async function get(): Promise<string[]> {
      return lines(await ask(tunnel, "get=1\n\n"));
    }

    it("keeps every key that can be set", async () => {
      assert.equal(await set(...everything), "errno=0\n\n");
      assert.deepEqual(await get(), [...everythingAnswered, "errno=0"]);
    });

    it("changes nothing for a set without lines", async () => {
      await set(...everything);
      assert.equal(await set(), "errno=0\n\n");
      assert.deepEqual(await get(), [...everythingAnswered, "errno=0"]);
    });

    it("removes what a set removes", async () => {
      await set(...everything);
      const removals = [`private_key=${zero}`, "fwmark=0", `public_key=${key.peer}`];
      assert.equal(
        await set(...removals, `preshared_key=${zero}`, "allowed_ip=-10.1.0.0/16"),
        "errno=0\n\n",
      );
      const left = await get();
      assert.ok(!left.some((line) => /^private_key|^fwmark|10\.1/.test(line)));
      assert.ok(left.includes(`preshared_key=${zero}`));
      assert.equal(await set(`public_key=${key.peer}`, "remove=true"), "errno=0\n\n");
      assert.deepEqual(await get(), ["listen_port=4242", "errno=0"]);
    });

    it("replaces peers and allowed IPs if a set says so", async () => {
      await set(...everything);
      await set(`public_key=${key.peer}`, "replace_allowed_ips=true", "allowed_ip=10.2.0.0/16");
      const ips = (await get()).filter((line) => line.startsWith("allowed_ip="));
      assert.deepEqual(ips, ["allowed_ip=10.2.0.0/16"]);
      await set("replace_peers=true", `public_key=${key.other}`);
      const peers = (await get()).filter((line) => line.startsWith("public_key="));
      assert.deepEqual(peers, [`public_key=${key.other}`]);
    });

    it("moves an allowed IP from one peer to another", async () => {
      await set(`public_key=${key.peer}`, "allowed_ip=10.3.0.0/16");
      await set(`public_key=${key.other}`, "allowed_ip=10.3.0.0/16");
      const answer = await get();
      assert.equal(answer.filter((line) => line === "allowed_ip=10.3.0.0/16").length, 1);
      assert.equal(
        answer.at(answer.indexOf(`public_key=${key.other}`) + 6),
        "allowed_ip=10.3.0.0/16",
      );
    });

    it("does not add a peer that a set only updates", async () => {
      assert.equal(await set(`public_key=${key.other}`, "update_only=true"), "errno=0\n\n");
      assert.ok(!(await get()).includes(`public_key=${key.other}`));
    });

    const peer = `public_key=${key.peer}`;
    const invalid: readonly (readonly string[])[] = [
      ["private_key=xyz"],
      ["private_key=abcd"],
      ["listen_port=65536"],
      ["listen_port=-1"],
      ["fwmark=4294967296"],
      ["replace_peers=false"],
      ["no_such_key=1"],
      ["public_key=1234"],
      [peer, "preshared_key=12"],
      [peer, "endpoint=nowhere"],
      [peer, "persistent_keepalive_interval=65536"],
      [peer, "replace_allowed_ips=false"],
      [peer, "allowed_ip=10.0.0.0/33"],
      [peer, "update_only=no"],
      [peer, "remove=no"],
      [peer, "protocol_version=2"],
      [peer, "fwmark=1"],
      ["errno=0"],
    ];
    for (const content of invalid) {
      it(`answers EINVAL to ${content.at(-1)}`, async () => {
        assert.equal(await set(...content), "errno=-22\n\n");
      });
    }

    it("answers EPROTO to a line that is not an assignment", async () => {
      assert.equal(await set("no assignment"), "errno=-71\n\n");
    });

    it("answers EIO to a line of more than 64 KiB", async () => {
      assert.equal(await set(`private_key=${"0".repeat(70_000)}`), "errno=-5\n\n");
    });

    it("answers EADDRINUSE to a port that is taken", async () => {
      const taken = createSocket("udp4");
      const port = await new Promise<number>((resolve) => {
        taken.bind(0, () => resolve(taken.address().port));
      });
      try {
        // Only a device that is up has a socket.
        ip("link", "set", "wg1", "up");
        await up;
        assert.equal(await set(`listen_port=${port}`), "errno=-98\n\n");
      } finally {
        taken.close();
      }
    });

    it("answers as before after an error", async () => {
      await set("no_such_key=1");
      assert.equal(await set("fwmark=9"), "errno=0\n\n");
      assert.ok((await get()).includes("fwmark=9"));
    });

    it("answers an error early in a request of a megabyte", async () => {
      const many = Array.from({ length: 50_000 }, () => "allowed_ip=10.0.0.0/8");
      assert.equal(await set("no_such_key=1", peer, ...many), "errno=-22\n\n");
    });
  });
}
