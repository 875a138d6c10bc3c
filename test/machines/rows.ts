import { packageRoot } from "../../src/artifacts.js";
import { foreignProcessors } from "./processors.js";
import type { Row } from "./row.js";

const reports = "build/machines/reports";
/** Where scripts/platform-packages puts the packages; a test runs in a directory of its own. */
const packages = `${packageRoot}/build/packages`;
const sandbox = ["scripts/sandbox"];
/** What downloads the package managers, and then a sandbox. */
const withInstallers = ["bash", "-c", 'scripts/installers || exit; exec "$@"', "bash", ...sandbox];
const parity = ["background", "codec", "failures", "features", "foreground", "traffic", "uapi"].map(
  (name) => `parity/${name}`,
);

/** What userspace tunnels do on every Node.js. */
const userspace = ["engine", "lifecycle", "proxy"].map((name) => `userspace/${name}`);
/** The clients whose proxies and forwards a release is tested with. */
const clients = [
  "chromium",
  "curl",
  "database",
  "dig",
  "iperf3",
  "ncat",
  "node",
  "pysocks",
  "ssh",
].map((name) => `clients/${name}`);
/** Longer transfers, and more connections, than npm test has time for. */
const long = ["env", "WG_BRIDGE_LONG=1"];

/** Everything that a release needs, in the order in which it runs: what later rows install is made first. */
export const allRows: readonly Row[] = [
  program("changelog", "the changelog and the manual page have this version's date", "changelog"),
  program("git", "everything is committed, and the version's tag is free", "git-tree"),
  tests("versions", "one version in all files that name one", [], ["version"]),
  command(
    "packages",
    "all packages, made twice from two directories: the same bytes",
    ["scripts/platform-packages", "--check-reproducible"],
    60,
  ),
  program("tarballs", "a tarball for each package, with this version and its checksum", "tarballs"),
  inSandbox("publish", "npm publish --dry-run of each package, without a network", ["publish"]),
  twice("deb", "the engine as a .deb for each processor, made twice", ["scripts/deb", "--output"]),
  twice("image", "the engine's container image for all processors, made twice", [
    "bash",
    "-c",
    'containers/build-image.mjs "$0" build/packages/*/',
  ]),
  tests("installers", "npm, pnpm, yarn, bun and deno install the packages", withInstallers, [
    "installers/npm",
    "installers/pnpm",
    "installers/yarn",
    "installers/bun",
    "installers/deno",
  ]),
  tests(
    "installed",
    "npm installs the package of each processor, and repairs what was broken",
    ["env", "WG_BRIDGE_ALL_PACKAGES=1", ...withInstallers],
    ["installers/machines", "installers/failures"],
  ),
  command(
    "deb-processors",
    "each .deb has a program for its processor, and lintian is content",
    ["test/systemd/processors.sh"],
    15,
  ),
  tests("systemd", "the service of the .deb under systemd, and what it tells it", sandbox, [
    "systemd/notify",
    "systemd/package",
    "systemd/service",
  ]),
  tests(
    "crun",
    "crun runs the image, of the packed engines, as Docker and containerd do",
    ["env", `WG_BRIDGE_PACKAGES=${packages}`, ...sandbox],
    ["containers/image"],
  ),
  tests("kubernetes", "crun runs the pods of the examples for Kubernetes", sandbox, [
    "containers/kubernetes",
  ]),
  tests("compose", "crun runs the example for compose", sandbox, ["containers/compose"]),
  tests("dashboard", "Prometheus answers the dashboard and the alerts", sandbox, [
    "containers/grafana",
  ]),
  ...["20", "22", "24", "26"].map((version) =>
    tests(
      `node-${version}`,
      `both backends do the same on Node.js ${version}: the parity tests, and userspace tunnels`,
      ["test/machines/on-node.sh", version, ...sandbox],
      [...parity, ...userspace],
    ),
  ),
  tests("runtimes", "bun, deno, musl, other systems and a Node.js that is too old", sandbox, [
    "runtimes/runtimes",
    "runtimes/other-systems",
    "runtimes/old-node",
  ]),
  tests(
    "clients",
    "curl, ncat, ssh, dig, iperf3, PySocks, Chromium, a database: with 1 GiB each way",
    [...long, ...sandbox],
    clients,
  ),
  tests(
    "userspace-load",
    "1 GiB, 100,000 datagrams and 10,000 connections leave nothing, on both backends",
    [...long, ...sandbox],
    ["userspace/load"],
  ),
  tests("gvisor", "the executable, and Node.js with both backends, in gVisor", sandbox, [
    "machines/gvisor",
  ]),
  tests("old-kernel", "what kernels from 3.10 on do not have, denied by seccomp", sandbox, [
    "machines/old-kernel",
  ]),
  ...foreignProcessors.map(({ arch, emulator }) =>
    inSandbox(
      `executable-${arch}`,
      `the executable of ${arch} pings and carries TCP, by ${emulator.join(" ")}`,
      ["executable", arch],
    ),
  ),
  program("arm64-node", "Node.js 24 of arm64 by qemu-user: both backends", "arm64-node"),
  program("glibc", "Node.js 20 on glibc 2.31, in a chroot of Debian 11: both backends", "chroot"),
  program("kernel-x64", "Linux 5.10 of Debian 11 on x64: both backends", "kernel", ["x64"], 30),
  program(
    "kernel-arm64",
    "Linux 5.10 of Debian 11 on arm64: both backends",
    "kernel",
    ["arm64"],
    45,
  ),
];

function command(row: string, what: string, words: readonly string[], minutes: number): Row {
  return { row, what, command: words, minutes };
}

/** A row that runs a file of this directory. */
function program(
  row: string,
  what: string,
  name: string,
  words: readonly string[] = [],
  minutes = 10,
): Row {
  return command(row, what, ["node", `dist/test/machines/${name}.js`, ...words], minutes);
}

/** A row that runs a file of this directory in a sandbox. */
function inSandbox(row: string, what: string, [name, ...words]: readonly string[]): Row {
  const node = ["node", `dist/test/machines/${name}.js`, ...words];
  return command(row, what, ["scripts/sandbox", ...node], 10);
}

/** A row that runs a command twice, which leaves its result in the directory of its last argument. */
function twice(row: string, what: string, words: readonly string[]): Row {
  return command(row, what, ["test/machines/twice.sh", ...words], 20);
}

/** A row that runs test files by mocha, below dist/test. */
function tests(
  row: string,
  what: string,
  prefix: readonly string[],
  files: readonly string[],
  minutes = 30,
): Row {
  const report = `${reports}/${row}.json`;
  const reporter = ["--reporter", "json", "--reporter-option", `output=${report}`];
  const compiled = files.map((file) => `dist/test/${file}.test.js`);
  const words = [...prefix, "node_modules/.bin/mocha", ...reporter, ...compiled];
  return { ...command(row, what, words, minutes), report };
}
