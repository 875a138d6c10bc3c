import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { openTunnel, WgBridgeError } from "../../src/index.js";
import { socketPath } from "../../src/uapi/socket.js";
import { assertNothingLeft, ip, onlyInSandbox } from "../sandbox.js";
import { environment, ours } from "./programs.js";

const startOnce = fileURLToPath(new URL("../backends/start-once.js", import.meta.url));
const socketDirectory = dirname(socketPath("wg1"));

interface Case {
  readonly title: string;
  readonly name?: string;
  readonly code: string;
  readonly message: RegExp;
  /** Prepares what makes the start fail, and returns a function that undoes it. */
  readonly prepare?: () => (() => void) | Promise<() => void>;
  /** A command that the start is run by. */
  readonly under?: readonly string[];
  /** Variables that only the command line honours. */
  readonly env?: NodeJS.ProcessEnv;
}

const cases: readonly Case[] = [
  {
    title: "an interface that exists",
    code: "WG_BRIDGE_INTERFACE_EXISTS",
    message: /interface wg1 exists already.*ip link del wg1/,
    prepare: () => {
      ip("link", "add", "wg1", "type", "veth", "peer", "name", "wg1peer");
      return () => ip("link", "del", "wg1");
    },
  },
  {
    title: "a tunnel that another program runs",
    code: "WG_BRIDGE_INTERFACE_EXISTS",
    message: /interface wg1 exists already/,
    prepare: async () => {
      const tunnel = await openTunnel({ name: "wg1", backend: "exec", detached: true });
      return () => tunnel.close();
    },
  },
  {
    title: "a socket in use",
    code: "WG_BRIDGE_SOCKET_IN_USE",
    message: /wg1\.sock is in use by another running program.*Stop that program/,
    prepare: async () => {
      const server = await serve("wg1");
      return () => {
        server.close();
      };
    },
  },
  {
    title: "a directory in place of the socket",
    code: "WG_BRIDGE_ENGINE",
    message: /a directory is in the way of UAPI socket .*Remove it/,
    prepare: () => {
      mkdirSync(socketPath("wg1"), { recursive: true });
      return () => rmSync(socketPath("wg1"), { recursive: true });
    },
  },
  {
    title: "an invalid name",
    name: "a b",
    code: "WG_BRIDGE_INTERFACE_NAME",
    message: /interface name/,
  },
  {
    title: "no TUN device",
    code: "WG_BRIDGE_NO_TUN",
    message: /\/dev\/net\/tun does not exist.*modprobe tun/,
    under: ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /dev/net && exec "$@"', "sh"],
  },
  {
    title: "no permission",
    code: "WG_BRIDGE_PERMISSION",
    message: /not allowed.*CAP_NET_ADMIN/,
    under: ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"],
  },
  {
    title: "a read-only /run",
    code: "WG_BRIDGE_SOCKET_DIRECTORY",
    message: /read-only file system\. Mount an emptyDir or a tmpfs at /,
    under: ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o ro tmpfs /run && exec "$@"', "sh"],
  },
  {
    title: "a directory that another user owns",
    code: "WG_BRIDGE_UNTRUSTED",
    message: /belongs to user 12345.*private keys/,
    prepare: () => {
      mkdirSync(socketDirectory, { recursive: true });
      chownSync(socketDirectory, 12_345, 0);
      return () => chownSync(socketDirectory, 0, 0);
    },
  },
  {
    title: "a directory that others may write",
    code: "WG_BRIDGE_UNTRUSTED",
    message: /may be written by others/,
    prepare: () => {
      mkdirSync(socketDirectory, { recursive: true });
      chmodSync(socketDirectory, 0o777);
      return () => chmodSync(socketDirectory, 0o755);
    },
  },
  {
    title: "a TUN descriptor that is not open",
    code: "WG_BRIDGE_VALUE",
    message: /WG_TUN_FD=1777 is not an open file descriptor/,
    env: { WG_TUN_FD: "1777" },
  },
  {
    title: "a TUN descriptor of something else",
    code: "WG_BRIDGE_VALUE",
    message: /file given as TUN/,
    env: { WG_TUN_FD: "0" },
  },
  {
    title: "a UAPI descriptor of something else",
    code: "WG_BRIDGE_VALUE",
    message: /file given as UAPI socket/,
    env: { WG_UAPI_FD: "0" },
  },
  {
    title: "a UAPI descriptor that is not a number",
    code: "WG_BRIDGE_VALUE",
    message: /WG_UAPI_FD="one" is not a file descriptor/,
    env: { WG_UAPI_FD: "one" },
  },
  {
    title: "an unknown feature to disable",
    code: "WG_BRIDGE_FEATURE_UNKNOWN",
    message: /no feature "tso"/,
    env: { WG_BRIDGE_DISABLE: "tso" },
  },
];

async function serve(name: string): Promise<Server> {
  mkdirSync(socketDirectory, { recursive: true });
  const server = createServer((connection) => connection.on("error", () => {}));
  await new Promise<void>((resolve) => server.listen(socketPath(name), resolve));
  return server;
}

/** Returns what wg-bridge reports on standard error, after its own name. */
function commandLine(backend: string, args: readonly string[], test: Case): string {
  const program = ours.find(({ env }) => env.WG_BRIDGE_BACKEND === backend);
  assert.ok(program);
  const [command = "", ...rest] = [...(test.under ?? []), program.command, ...args];
  const { status, stdout, stderr } = spawnSync(command, [...rest, test.name ?? "wg1"], {
    env: environment(program, test.env ?? {}),
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 50_000,
  });
  assert.deepEqual([status, stdout], [1, ""], stderr);
  assert.match(stderr, /^wg-bridge: [^\n]*\n$/);
  return stderr.replace(/^wg-bridge: /, "").trim();
}

/** Returns the code and the message of the library's error. */
function library(backend: string, test: Case): { code: string; message: string } {
  const [command = "", ...rest] = [...(test.under ?? []), process.execPath, startOnce, backend];
  const printed = execFileSync(command, [...rest, test.name ?? "wg1"], { encoding: "utf8" });
  const [code = "", ...words] = printed.trim().split(" ");
  return { code, message: words.join(" ") };
}

describe("a start that fails", () => {
  onlyInSandbox();

  for (const test of cases) {
    it(`is reported in one sentence, the same everywhere: ${test.title}`, async () => {
      const undo = await test.prepare?.();
      const messages = new Map<string, string>();
      try {
        for (const backend of ["ffi", "exec"]) {
          messages.set(`${backend} -f`, commandLine(backend, ["-f"], test));
          messages.set(`${backend} in the background`, commandLine(backend, [], test));
          if (test.env !== undefined) continue;
          const { code, message } = library(backend, test);
          assert.equal(code, test.code, message);
          messages.set(`openTunnel over ${backend}`, message);
        }
      } finally {
        await undo?.();
      }
      for (const message of messages.values()) assert.match(message, test.message);
      assert.equal(new Set(messages.values()).size, 1, [...messages].join("\n"));
      assertNothingLeft("wg1");
    });
  }

  it("is reported in one sentence, the same on both backends: a port in use", async () => {
    await using holder = await openTunnel({
      name: "wg2",
      listenPort: 51_990,
      addresses: ["10.9.0.1/32"],
    });
    const messages = new Set<string>();
    for (const backend of ["ffi", "exec"] as const) {
      const options = { name: "wg1", backend, listenPort: 51_990, addresses: ["10.9.0.2/32"] };
      await assert.rejects(openTunnel(options), (error) => {
        assert.ok(error instanceof WgBridgeError);
        assert.equal(error.code, "WG_BRIDGE_PORT_IN_USE");
        messages.add(error.message);
        return true;
      });
    }
    assert.equal(messages.size, 1, [...messages].join("\n"));
    assert.equal(holder.name, "wg2");
  });
});
