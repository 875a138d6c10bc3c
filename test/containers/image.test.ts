// The container image of the engine: built twice, read by other tools, and run by crun, as Docker, containerd and a
// rootless runtime would. WG_BRIDGE_PACKAGES=build/packages takes what scripts/platform-packages has made.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { openTunnel, PrivateKey } from "../../src/index.js";
import { pingAll } from "../ping.js";
import { ip, onlyInSandbox } from "../sandbox.js";
import { bind, Container, type ContainerOptions, makeNetwork, tmpfs } from "./container.js";
import {
  architecturesOf,
  buildImage,
  type Image,
  makeOwnPackage,
  makePackages,
  ownArchitecture,
  skopeoName,
  unpack,
  unpackMark,
} from "./image.js";
import { missingTool } from "./missing-tool.js";
import { validatorMark } from "./validators.js";

/** The image's user. */
const user = 65_532;
const skopeoMark = missingTool("skopeo");
const runMark = unpackMark || validatorMark || missingTool("crun");

describe("the engine's container image", function () {
  onlyInSandbox();
  this.timeout(600_000); // Go may have to compile its library for another processor first

  let directory: string;
  let image: Image;
  let packages: readonly string[];
  before(() => {
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-image-`);
    execFileSync("chmod", ["755", directory]);
    packages = makePackages(directory);
    image = buildImage(`${directory}/image`, packages);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it("is the same, byte for byte, when it is built again", () => {
    const again = buildImage(`${directory}/again`, packages.toReversed());
    execFileSync("diff", ["-r", image.layout, again.layout]);
    assert.equal(again.output, image.output);
    assert.match(
      image.output,
      /^(sha256:[0-9a-f]{64} {2}\w+\n){2,}sha256:[0-9a-f]{64} {2}[\d.]+\n$/,
    );
  });

  it("has no bytes but its own: what is missing or wrong is refused", () => {
    const build = (...words: string[]) => {
      const script = `${process.cwd()}/containers/build-image.mjs`;
      const { status, stderr } = spawnSync(script, words, { encoding: "utf8" });
      assert.equal(status, 1);
      return stderr;
    };
    const [first = "", second = ""] = packages;
    assert.match(build(image.layout, first), /image exists: remove it/);
    assert.match(build(`${directory}/x`, `${directory}/nothing`), /no bin\/wireguard-go there/);
    assert.match(build(`${directory}/x`, first, second, first), /two of the packages are for/);
    const dynamic = `${directory}/dynamic`;
    execFileSync("mkdir", ["-p", `${dynamic}/bin`]);
    execFileSync("cp", [process.execPath, `${dynamic}/bin/wireguard-go`]);
    assert.match(build(`${directory}/x`, dynamic), /is not static: build it with CGO_ENABLED=0/);
    execFileSync("cp", ["package.json", `${dynamic}/bin/wireguard-go`]);
    assert.match(build(`${directory}/x`, dynamic), /is not an ELF file/);
    assert.equal(existsSync(`${directory}/x`), false);
  });

  it(`is what skopeo takes for each processor${skopeoMark}`, function () {
    if (skopeoMark !== "") this.skip();
    for (const architecture of architecturesOf(image)) {
      const words = ["--override-arch", architecture, "inspect", skopeoName(image)];
      const found = JSON.parse(execFileSync("skopeo", words, { encoding: "utf8" }));
      assert.equal(found.Architecture, architecture);
      assert.equal(found.Layers.length, 1);
    }
  });

  it(`can be copied whole, with every digest checked${skopeoMark}`, function () {
    if (skopeoMark !== "") this.skip();
    const words = ["--insecure-policy", "copy", "--all", "--quiet", skopeoName(image)];
    execFileSync("skopeo", [...words, `dir:${directory}/copy`]);
  });

  it(`has the executable, licences and one directory that its user may write${unpackMark}`, function () {
    if (unpackMark !== "") this.skip();
    for (const architecture of architecturesOf(image)) {
      assertContents(unpack(image, `${directory}/${architecture}-listed`, architecture));
    }
  });
});

function assertContents(root: string): void {
  const words = ["-mindepth", "1", "-printf", "%M %U %T@ %P\n"];
  const list = execFileSync("find", [root, ...words], { encoding: "utf8" })
    .split("\n")
    .sort();
  assert.deepEqual(list, [
    "",
    "-rw-r--r-- 0 0.0000000000 usr/share/licenses/wg-bridge/LICENSE",
    "-rw-r--r-- 0 0.0000000000 usr/share/licenses/wg-bridge/third-party-licenses.txt",
    "-rwxr-xr-x 0 0.0000000000 usr/bin/wireguard-go",
    "drwx------ 65532 0.0000000000 var/run/wireguard",
    "drwxr-xr-x 0 0.0000000000 usr",
    "drwxr-xr-x 0 0.0000000000 usr/bin",
    "drwxr-xr-x 0 0.0000000000 usr/share",
    "drwxr-xr-x 0 0.0000000000 usr/share/licenses",
    "drwxr-xr-x 0 0.0000000000 usr/share/licenses/wg-bridge",
    "drwxr-xr-x 0 0.0000000000 var",
    "drwxr-xr-x 0 0.0000000000 var/run",
  ]);
}

describe(`a container of the engine's image${runMark}`, function () {
  onlyInSandbox();
  this.timeout(120_000);

  let directory: string;
  let root: string;
  before(function () {
    if (runMark !== "") this.skip();
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-container-`);
    execFileSync("chmod", ["755", directory]);
    root = unpack(
      buildImage(`${directory}/image`, [makeOwnPackage(directory)]),
      `${directory}/unpacked`,
      ownArchitecture,
    );
    // umoci keeps its directory to root, who is somebody else in a user namespace.
    execFileSync("chmod", ["755", `${directory}/unpacked`]);
  });
  after(() => rmSync(directory ?? "", { recursive: true, force: true }));

  const engine = (more: Partial<ContainerOptions> = {}): ContainerOptions => ({
    root,
    args: ["/usr/bin/wireguard-go", "--foreground", "wg0"],
    user,
    capabilities: ["NET_ADMIN"],
    noNewPrivileges: false,
    readOnlyRoot: true,
    mounts: [tmpfs("/var/run/wireguard", more.user ?? user)],
    tun: true,
    ...more,
  });

  const ways: readonly (readonly [string, Partial<ContainerOptions>])[] = [
    ["as Docker runs it, as the image's user", {}],
    [
      "as containerd runs it, as the image's user without new privileges",
      { runtime: "containerd", noNewPrivileges: true },
    ],
    ["as root without new privileges", { user: 0, noNewPrivileges: true }],
  ];
  for (const [number, [title, more]] of ways.entries()) {
    it(`carries packets with one capability, ${title}, and leaves nothing`, async () => {
      const network = `pod${number}`;
      const address = `192.0.2.${4 * number + 1}`;
      makeNetwork(network, `${address}/30`, `192.0.2.${4 * number + 2}/30`);
      const volume = makeVolume(`/run/volume-${number}`, more.user ?? user);
      const mounts = [bind(volume, "/var/run/wireguard", false)];
      const options = engine({ ...more, network, mounts });
      await using container = Container.run(directory, network, options);
      await container.until("the socket", () => existsSync(`${volume}/wg0.sock`));
      assert.equal(container.status("CapEff"), onlyNetAdmin);
      assert.equal(container.status("CapBnd"), onlyNetAdmin);
      assert.equal(container.status("Seccomp"), "2");
      assert.equal(container.status("Uid")?.split("\t")[0], String(more.user ?? user));

      await using outer = await openPeer(number, address);
      const endpoint = `${address}:${outer.port}`;
      configure(volume, outer.innerKey, outer.publicKey, endpoint, `10.9.${number}.0/24`);
      ip("-n", network, "address", "add", `10.9.${number}.2/24`, "dev", "wg0");
      ip("-n", network, "link", "set", "wg0", "up");
      await untilUp(container, volume);
      await pingAll(`10.9.${number}.1`, 3, ["-i", "0.05"], ["ip", "netns", "exec", network]);
      assert.match(wg(volume, "show", "wg0", "latest-handshakes"), /\t[1-9]\d+\n$/);

      assert.equal(await container.stop(), 0, container.output);
      assert.deepEqual(readdirSync(volume), []);
      assert.equal(existsInside(network, "eth0"), true);
      assert.equal(existsInside(network, "wg0"), false);
    });
  }

  it("carries packets in a user namespace, where root is nobody outside", async () => {
    const address = "192.0.2.101";
    const volume = makeVolume("/run/volume-rootless", 100_000);
    const mounts = [bind(volume, "/var/run/wireguard", false)];
    const options = engine({ user: 0, noNewPrivileges: true, hostUser: 100_000, mounts });
    await using container = Container.run(directory, "rootless", options);
    await container.until("the socket", () => existsSync(`${volume}/wg0.sock`));
    assert.equal(container.status("Uid")?.split("\t")[0], "100000");
    const inside = ["nsenter", "--net", "--target", String(container.pid)];
    ip("link", "add", "rootless-out", "type", "veth", "peer", "eth0", "netns", `${container.pid}`);
    ip("address", "add", `${address}/30`, "dev", "rootless-out");
    ip("link", "set", "rootless-out", "up");
    await using outer = await openPeer(101, address);
    const endpoint = `${address}:${outer.port}`;
    configure(volume, outer.innerKey, outer.publicKey, endpoint, "10.9.101.0/24");
    const commands = ["address add 192.0.2.102/30 dev eth0", "link set eth0 up"];
    const more = ["address add 10.9.101.2/24 dev wg0", "link set wg0 up"];
    for (const command of [...commands, ...more]) {
      execFileSync("nsenter", [...inside.slice(1), "ip", ...command.split(" ")]);
    }
    await untilUp(container, volume);
    await pingAll("10.9.101.1", 3, ["-i", "0.05"], inside);
    assert.equal(await container.stop(), 0, container.output);
  });

  it("does not get the capability of its file from Docker without new privileges", async () => {
    const options = engine({ noNewPrivileges: true });
    await using container = Container.run(directory, "without-new", options);
    assert.equal(await container.exited(), 1);
    assert.match(container.output, /making interface wg0 is not allowed: operation not permitted/);
  });

  it("does not start without the capability, and the runtime says so", async () => {
    await using container = Container.run(directory, "bare", engine({ capabilities: [] }));
    assert.notEqual(await container.exited(), 0);
    assert.match(container.output, /operation not permitted/i);
  });
});

/** The mask of CAP_NET_ADMIN in /proc/PID/status. */
const onlyNetAdmin = "0000000000001000";

function existsInside(network: string, name: string): boolean {
  return spawnSync("ip", ["-n", network, "link", "show", "dev", name]).status === 0;
}

/** Makes a volume that belongs to a user, as `docker volume create` with tmpfs does. */
function makeVolume(path: string, owner: number): string {
  mkdirSync(path);
  const options = `uid=${owner},gid=${owner},mode=0700`;
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
  return path;
}

/** Opens the other end of a tunnel, outside of the container. */
async function openPeer(number: number, address: string) {
  const [innerKey, key] = [PrivateKey.generate(), PrivateKey.generate()];
  const port = 51_820 + number;
  const tunnel = await openTunnel({
    name: `wgp${number}`,
    config: {
      privateKey: key,
      listenPort: port,
      peers: [{ publicKey: innerKey.publicKey(), allowedIps: [`10.9.${number}.2/32`] }],
    },
    addresses: [`10.9.${number}.1/24`],
  });
  return {
    innerKey,
    port,
    address,
    publicKey: key.publicKey(),
    [Symbol.asyncDispose]: () => tunnel.close(),
  };
}

/** Configures wg0 of a container by wg outside of it. The key never is in a file. */
function configure(
  sockets: string,
  key: PrivateKey,
  peer: string,
  endpoint: string,
  allowedIps: string,
): void {
  const words = ["wg0", "private-key", "/dev/stdin", "peer", peer, "endpoint", endpoint];
  wgWith(key.toBase64(), sockets, "set", ...words, "allowed-ips", allowedIps);
}

/** Waits until the engine has noticed that its interface is up: what it reads before is lost. It then binds a port. */
function untilUp(container: Container, sockets: string): Promise<void> {
  const port = () => wg(sockets, "show", "wg0", "listen-port").trim();
  return container.until("the UDP port", () => port() !== "0");
}

function wg(sockets: string, ...args: readonly string[]): string {
  return wgWith("", sockets, ...args);
}

/** Runs wg where a container's sockets are in their place. It cannot open the socket that is its input here; a pipe it can. */
function wgWith(input: string, sockets: string, ...args: readonly string[]): string {
  const script =
    'mkdir -p /run/wireguard && mount --bind "$1" /run/wireguard && shift && cat | wg "$@"';
  const words = ["--mount", "bash", "-c", script, "wg", sockets, ...args];
  return execFileSync("unshare", words, { encoding: "utf8", input });
}
