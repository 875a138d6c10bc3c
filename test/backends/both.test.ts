import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { upstreamExecutablePath } from "../../src/artifacts.js";
import type { Backend, RunningTunnel } from "../../src/backends/backend.js";
import type { BackendRequest } from "../../src/strategy/choose.js";
import { openBackend } from "../../src/strategy/open.js";
import { socketPath } from "../../src/uapi/socket.js";
import { ask } from "../ask.js";
import { hasCode } from "../error-code.js";
import {
  assertNothingLeft,
  interfaceExists,
  ip,
  makeDeadSocket,
  onlyInSandbox,
} from "../sandbox.js";

const startOnce = fileURLToPath(new URL("start-once.js", import.meta.url));
const get = "get=1\n\n";

const variants: readonly (readonly [string, BackendRequest, NodeJS.ProcessEnv])[] = [
  ["ffi", "ffi", {}],
  ["exec", "exec", {}],
  ["exec with upstream's program", "exec", { WIREGUARD_GO_EXECUTABLE: upstreamExecutablePath }],
];

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

for (const [title, request, settings] of variants) {
  describe(`the backend ${title}`, () => {
    onlyInSandbox();
    let backend: Backend;
    const open: RunningTunnel[] = [];

    before(async () => {
      ({ backend } = await openBackend(request, { ...process.env, ...settings }));
    });

    afterEach(async () => {
      await Promise.all(open.splice(0).map((tunnel) => tunnel.close()));
    });

    async function start(name: string, options: object = {}): Promise<RunningTunnel> {
      const tunnel = await backend.start({ name, ...options });
      open.push(tunnel);
      return tunnel;
    }

    /** Starts and closes one tunnel in a new process, run by `command`, and returns what that prints. */
    function startElsewhere(command: readonly string[], name: string): string {
      const [program = "", ...args] = [...command, process.execPath, startOnce, request, name];
      const env = { ...process.env, ...settings };
      return execFileSync(program, args, { env, encoding: "utf8" });
    }

    it("starts a tunnel that answers at once, and leaves nothing behind when it closes", async () => {
      const tunnel = await start("wg1");
      assert.equal(tunnel.backend, request);
      assert.equal(tunnel.name, "wg1");
      assert.ok(interfaceExists("wg1"));
      assert.match(await ask(tunnel, get), /^(listen_port=\d+\n)?errno=0\n\n$/);
      await tunnel.close();
      assertNothingLeft("wg1");
    });

    it("keeps what was set, and answers with the errno of an error", async () => {
      const tunnel = await start("wg1");
      assert.equal(await ask(tunnel, "set=1\nfwmark=77\n\n"), "errno=0\n\n");
      assert.match(await ask(tunnel, get), /^fwmark=77$/m);
      assert.equal(await ask(tunnel, "set=1\nno_such_key=1\n\n"), "errno=-22\n\n");
    });

    it("answers concurrent exchanges", async () => {
      const tunnel = await start("wg1");
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, mark) =>
          ask(tunnel, mark % 2 === 0 ? get : `set=1\nfwmark=${mark}\n\n`),
        ),
      );
      assert.ok(answers.every((answer) => answer.endsWith("errno=0\n\n")));
    });

    it("accepts requests and gives answers of a megabyte and more", async () => {
      const tunnel = await start("wg1");
      const ips = Array.from(
        { length: 60_000 },
        (_, n) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}/32`,
      );
      const lines = ips.map((address) => `allowed_ip=${address}\n`).join("");
      const request = `set=1\npublic_key=${"a1".repeat(32)}\n${lines}\n`;
      assert.equal(await ask(tunnel, request), "errno=0\n\n");
      for (let twice = 0; twice < 2; twice++) {
        const answer = await ask(tunnel, get);
        assert.equal(answer.match(/^allowed_ip=/gm)?.length, ips.length);
        assert.ok(answer.endsWith("errno=0\n\n"));
      }
    });

    it("runs two independent tunnels in one process", async () => {
      const [one, two] = await Promise.all([start("wg1"), start("wg2")]);
      await ask(one, "set=1\nfwmark=1\n\n");
      await ask(two, "set=1\nfwmark=2\n\n");
      await one.close();
      assertNothingLeft("wg1");
      assert.match(await ask(two, get), /^fwmark=2$/m);
    });

    it("can be closed repeatedly, and then refuses exchanges", async () => {
      const tunnel = await start("wg1");
      const first = tunnel.close();
      await assert.rejects(ask(tunnel, get), hasCode("WG_BRIDGE_CLOSED"));
      await Promise.all([first, tunnel.close(), tunnel[Symbol.asyncDispose]()]);
      assert.equal((await tunnel.ended).reason, "closed");
      await assert.rejects(ask(tunnel, get), hasCode("WG_BRIDGE_CLOSED"));
    });

    it("ends with a reason when the interface is deleted", async () => {
      const tunnel = await start("wg1");
      ip("link", "del", "wg1");
      const end = await tunnel.ended;
      // Upstream's program ends without saying why.
      const reason = settings.WIREGUARD_GO_EXECUTABLE ? "lost" : "interface-deleted";
      assert.equal(end.reason, reason, end.message);
      await assert.rejects(ask(tunnel, get), hasCode("WG_BRIDGE_LOST"));
      await tunnel.close();
      assertNothingLeft("wg1");
    });

    it("refuses an interface that exists", async () => {
      ip("link", "add", "wg1", "type", "veth", "peer", "name", "wg1peer");
      try {
        await assert.rejects(start("wg1"), hasCode("WG_BRIDGE_INTERFACE_EXISTS"));
        assert.equal(existsSync(socketPath("wg1")), false);
      } finally {
        ip("link", "del", "wg1");
      }
    });

    it("refuses a name whose socket is served, and leaves that socket alone", async () => {
      const server = createServer((connection) => connection.on("error", () => {}));
      mkdirSync(dirname(socketPath("wg1")), { recursive: true });
      await new Promise<void>((resolve) => server.listen(socketPath("wg1"), resolve));
      try {
        await assert.rejects(start("wg1"), hasCode("WG_BRIDGE_SOCKET_IN_USE"));
        assert.ok(existsSync(socketPath("wg1")));
        assert.equal(interfaceExists("wg1"), false);
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    });

    it("replaces a dead socket", async () => {
      makeDeadSocket("wg1");
      const tunnel = await start("wg1");
      assert.match(await ask(tunnel, get), /errno=0\n\n$/);
    });

    it("refuses a bad interface name", async () => {
      await assert.rejects(start("no/name"), hasCode("WG_BRIDGE_INTERFACE_NAME"));
    });

    it("says what is missing if it has no permission", () => {
      const answer = startElsewhere(
        ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"],
        "wg1",
      );
      assert.match(answer, /^WG_BRIDGE_PERMISSION .*CAP_NET_ADMIN/);
      assertNothingLeft("wg1");
    });

    it("says what is missing if there is no /dev/net/tun", () => {
      const script = 'mount -t tmpfs tmpfs /dev/net && exec "$@"';
      const answer = startElsewhere(["unshare", "--mount", "sh", "-c", script, "sh"], "wg1");
      assert.match(answer, /^WG_BRIDGE_NO_TUN .*modprobe tun/);
      assertNothingLeft("wg1");
    });

    it("gives up a start that is aborted, and leaves nothing behind", async () => {
      const reason = new Error("changed my mind");
      await assert.rejects(start("wg1", { signal: AbortSignal.abort(reason) }), reason);
      const controller = new AbortController();
      const onStarting = () => controller.abort(reason);
      await assert.rejects(start("wg1", { signal: controller.signal, onStarting }), reason);
      assertNothingLeft("wg1");
    });

    it("sets the MTU that it is given", async () => {
      await start("wg1", { mtu: 1337 });
      assert.equal(readFileSync("/sys/class/net/wg1/mtu", "utf8"), "1337\n");
    });

    it("passes on the log, at the level that was requested", async () => {
      const verbose: string[] = [];
      const silent: string[] = [];
      const onVerbose = (line: string) => verbose.push(line);
      await start("wg1", { logLevel: "verbose", onLog: onVerbose });
      await start("wg2", { logLevel: "silent", onLog: (line: string) => silent.push(line) });
      await Promise.all(open.map((tunnel) => tunnel.close()));
      assert.ok(
        verbose.some((line) => line.endsWith("Device closed")),
        "the log's end is missing",
      );
      assert.ok(verbose.some((line) => /^DEBUG: \(wg1\) .*Device started$/.test(line)));
      assert.deepEqual(silent, []);
    });

    it("leaves no descriptor open, whether starts succeed or fail", async () => {
      const cycle = async () => {
        await (await start("wg1", { onLog: () => {} })).close();
        open.length = 0;
        await assert.rejects(backend.start({ name: "lo", onLog: () => {} }));
      };
      await cycle();
      const before = openDescriptors();
      for (let count = 0; count < 5; count++) await cycle();
      assert.equal(openDescriptors(), before);
    });

    it("leaves no descriptor open if a tunnel ends by itself", async () => {
      const endByItself = async () => {
        const tunnel = await backend.start({ name: "wg1", onLog: () => {} });
        ip("link", "del", "wg1");
        await tunnel.ended;
      };
      await endByItself();
      const before = openDescriptors();
      await endByItself();
      assert.equal(openDescriptors(), before);
    });

    it("lets the process end once its tunnels are closed", () => {
      assert.equal(startElsewhere([], "wg1"), "started\n");
      assertNothingLeft("wg1");
    });
  });
}
