import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, realpathSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";
import type { Diagnosis } from "../../src/doctor/findings.js";
import { shellWord } from "../../src/text/quote.js";
import { buildOldKernel } from "../machines/oldkernel.js";
import { onlyInSandbox } from "../sandbox.js";

/** A machine: shell commands that make it, before they run "$@" in it. */
interface Machine {
  readonly title: string;
  readonly script: string;
  /** The findings that say what is wrong. */
  readonly failed: readonly string[];
  /** What one of their details says. */
  readonly detail?: RegExp;
}

const newDev = "mount -t tmpfs -o mode=755 tmpfs /dev/net";
const newRun = "mount -t tmpfs -o mode=755 tmpfs /run";
/** Where this checkout and Node.js are on each machine: an ordinary user may not enter a home directory such as /root. */
const [checkout, node] = ["/mnt/wg-bridge", "/mnt/node"];
const makeReadable = [
  "mount -t tmpfs -o mode=755 tmpfs /mnt",
  `mkdir ${checkout}`,
  `touch ${node}`,
  `mount --rbind ${shellWord(packageRoot)} ${checkout}`,
  `mount --bind ${shellWord(realpathSync(process.execPath))} ${node}`,
].join("; ");
const asUser = "setpriv --reuid=12345 --regid=12345 --clear-groups";
const withNetAdmin = "--inh-caps=+net_admin --ambient-caps=+net_admin";

const machines: readonly Machine[] = [
  { title: "a sound one", script: '"$@"', failed: [] },
  {
    title: "a read-only root",
    script: 'mount -t tmpfs -o ro,mode=755 tmpfs /run; "$@"',
    failed: ["socket-directory", "tunnel"],
    detail: /WG_BRIDGE_SOCKET_DIRECTORY: .*Mount an emptyDir or a tmpfs/,
  },
  {
    title: "a read-only root with a tmpfs at /run/wireguard",
    script:
      `${newRun}; mkdir /run/wireguard; mount -t tmpfs -o mode=755 tmpfs /run/wireguard; ` +
      'mount -o remount,ro /run; "$@"',
    failed: [],
  },
  {
    title: "a file in place of the socket directory",
    script: `${newRun}; touch /run/wireguard; "$@"`,
    failed: ["socket-directory", "tunnel"],
  },
  {
    title: "a socket directory that others may write",
    script: `${newRun}; mkdir -m 777 /run/wireguard; "$@"`,
    failed: ["tunnel"],
    detail: /WG_BRIDGE_UNTRUSTED/,
  },
  { title: "no /dev/net/tun", script: `${newDev}; "$@"`, failed: ["tun", "tunnel"] },
  {
    title: "a file system without devices, as a device cgroup forbids them",
    script: 'mount -t tmpfs -o nodev tmpfs /dev/net; mknod /dev/net/tun c 10 200; "$@"',
    failed: ["tun", "tunnel"],
  },
  {
    title: "a /dev/net/tun of root alone",
    script: `${newDev}; mknod -m 600 /dev/net/tun c 10 200; ${newRun}; mkdir /run/wireguard; chown 12345 /run/wireguard; ${asUser} ${withNetAdmin} "$@"`,
    failed: ["tun", "tunnel"],
  },
  {
    title: "an ordinary user with CAP_NET_ADMIN and a directory of its own",
    script: `${newDev}; mknod -m 666 /dev/net/tun c 10 200; chmod 666 /dev/net/tun; ${newRun}; mkdir /run/wireguard; chown 12345 /run/wireguard; ${asUser} ${withNetAdmin} "$@"`,
    failed: [],
  },
  {
    title: "a root without CAP_NET_ADMIN",
    script: 'setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$@"',
    failed: ["net-admin", "tunnel"],
  },
  {
    title: "a user namespace to which the network does not belong",
    script: 'unshare --user --map-root-user "$@"',
    failed: ["tunnel"],
    detail: /WG_BRIDGE_PERMISSION/,
  },
  { title: "a sandbox without netlink", script: '"$OLDKERNEL" sandbox "$@"', failed: [] },
];

describe("wg-bridge doctor says whether a tunnel can be opened, and is right, on", () => {
  onlyInSandbox();
  const oldKernel = buildOldKernel();

  for (const { title, script, failed, detail } of machines) {
    it(title, async () => {
      const before = leftovers();
      const { findings, canOpenTunnel } = await diagnose(script);
      assert.deepEqual(leftovers(), before);
      const ids = ["tun", "net-admin", "socket-directory", "library", "executable", "tunnel"];
      const wrong = findings.filter(({ id, mark }) => mark === "fail" && ids.includes(id));
      assert.deepEqual(
        wrong.map(({ id }) => id),
        failed,
      );
      if (detail !== undefined) assert.match(wrong.map((one) => one.detail).join("\n"), detail);
      for (const backend of ["ffi", "exec"]) {
        assert.equal(await opens(script, backend), canOpenTunnel, `with ${backend}`);
      }
    }).timeout(60_000);
  }

  async function diagnose(script: string): Promise<Diagnosis> {
    const main = `${checkout}/dist/src/cli/main.js`;
    const { stdout } = await runOn(script, [node, main, "doctor", "--json"]);
    return JSON.parse(stdout);
  }

  /** Opens a tunnel as a program does, and closes it. */
  async function opens(script: string, backend: string): Promise<boolean> {
    const program = `
      import { openTunnel } from ${JSON.stringify(`${checkout}/dist/src/index.js`)};
      const tunnel = await openTunnel({ name: "wg1", backend: ${JSON.stringify(backend)} });
      await tunnel.status();
      await tunnel.close();
    `;
    return (await runOn(script, [node, "--input-type=module", "--eval", program])).status === 0;
  }

  function runOn(script: string, command: readonly string[]) {
    const args = ["--mount", "bash", "-ec", `${makeReadable}; ${script}`, "bash", ...command];
    const env = { ...process.env, OLDKERNEL: oldKernel(), HOME: "/" };
    return new Promise<{ status: number | null; stdout: string }>((resolve) => {
      const child = execFile("unshare", args, { env }, (_error, stdout) =>
        resolve({ status: child.exitCode, stdout }),
      );
    });
  }
});

/** What doctor could have left: interfaces, and what is at the socket directory's place. */
function leftovers(): string[] {
  return [...readdirSync("/sys/class/net"), ...readdirSync("/run")].sort();
}
