import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import { packageRoot } from "../../src/artifacts.js";
import type { Diagnosis } from "../../src/doctor/findings.js";
import { findProgram } from "../../src/doctor/tools.js";
import { onlyInSandbox } from "../sandbox.js";
import { endOf, FarEnd } from "./far-end.js";

const space = "gvisor";
const netAdmin = ["CAP_NET_ADMIN"];

const reason =
  findProgram("runsc", process.env) === undefined
    ? "runsc is not installed"
    : isRoot()
      ? undefined
      : "gVisor needs root";
const mark = reason === undefined ? "" : ` [skipped: ${reason}]`;

/** In a user namespace, root is an ordinary user of the machine. */
function isRoot(): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "utf8"));
}

describe(`A tunnel in gVisor${mark}`, () => {
  onlyInSandbox();
  before(function () {
    if (reason !== undefined) this.skip();
  });

  let bundle: string;
  let far: FarEnd;
  let containers = 0;

  before("makes a network for the containers, and the far end of their tunnel", async () => {
    bundle = mkdtempSync(`${tmpdir()}/gvisor-`);
    far = await FarEnd.open(space);
    // runsc takes a namespace with rmem_default for the machine's own, in which it refuses to run. Newer kernels show
    // that in all.
    const hide = ["mount", "-t", "tmpfs", "tmpfs", "/proc/sys/net/core"];
    execFileSync("nsenter", [`--net=/run/netns/${space}`, ...hide]);
  });

  after("removes them", async () => {
    await far?.[Symbol.asyncDispose]();
    if (bundle !== undefined) rmSync(bundle, { recursive: true });
  });

  for (const backend of ["exec", "ffi"] as const) {
    it(`carries pings and TCP both ways, with ${backend}`, async () => {
      // ping needs CAP_NET_RAW.
      // gVisor cannot change an MTU.
      await far.expectTunnel({ backend, mtu: 1380 }, (command) =>
        run(command, [...netAdmin, "CAP_NET_RAW"]),
      );
    }).timeout(60_000);
  }

  for (const backend of ["exec", "ffi"] as const) {
    it(`needs no capability without an interface, with ${backend}`, async () => {
      const program = `${packageRoot}/dist/test/userspace/program.js`;
      const command = ["env", "XDG_RUNTIME_DIR=/run", process.execPath, program, backend, "close"];
      const container = run(command, []);
      const [output, { said }] = await Promise.all([text(container.stdout), endOf(container)]);
      assert.equal(output, "through\n", said);
    }).timeout(60_000);
  }

  it("is what doctor tries there", async () => {
    for (const capabilities of [netAdmin, []]) {
      const main = `${packageRoot}/dist/src/cli/main.js`;
      const container = run([process.execPath, main, "doctor", "--json"], capabilities);
      const [output, { said }] = await Promise.all([text(container.stdout), endOf(container)]);
      assert.match(output, /^\{/, said);
      const { canOpenTunnel, findings }: Diagnosis = JSON.parse(output);
      const tunnel = findings.find(({ id }) => id === "tunnel");
      assert.equal(canOpenTunnel, capabilities.length > 0, tunnel?.detail);
      assert.equal(tunnel?.mark, canOpenTunnel ? "ok" : "fail", tunnel?.detail);
    }
  }).timeout(60_000);

  /** Runs a command in a container with these capabilities, and the files of this machine, which it cannot change. */
  function run(args: readonly string[], capabilities: readonly string[]) {
    const namespaces = ["pid", "ipc", "uts", "mount"].map((type) => ({ type }));
    const spec = {
      ociVersion: "1.0.0",
      process: {
        user: { uid: 0, gid: 0 },
        args,
        env: [`PATH=${process.env.PATH}`],
        cwd: "/",
        capabilities: {
          bounding: capabilities,
          effective: capabilities,
          permitted: capabilities,
        },
      },
      root: { path: "/", readonly: true },
      mounts: [
        { destination: "/proc", type: "proc", source: "proc" },
        { destination: "/dev", type: "tmpfs", source: "tmpfs" },
        { destination: "/sys", type: "sysfs", source: "sysfs" },
        { destination: "/run", type: "tmpfs", source: "tmpfs" },
      ],
      linux: { namespaces: [...namespaces, { type: "network", path: `/run/netns/${space}` }] },
    };
    writeFileSync(`${bundle}/config.json`, JSON.stringify(spec));
    FarEnd.setAddress(space);
    const settings = ["--ignore-cgroups", "--network=sandbox", "--root=/run/runsc"];
    const command = ["run", "--bundle", bundle, `wg-bridge-${++containers}`];
    return spawn("runsc", [...settings, ...command], { stdio: "pipe" });
  }
});
