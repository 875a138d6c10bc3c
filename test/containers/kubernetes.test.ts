// The Kubernetes examples: checked against the schemas, and run as the containers that kubelet would make of them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { packageRoot } from "../../src/artifacts.js";
import { openTunnel, PrivateKey, type PublicKey, type Tunnel } from "../../src/index.js";
import { pingAll } from "../ping.js";
import { ip, onlyInSandbox } from "../sandbox.js";
import { type Container, makeNetwork } from "./container.js";
import { buildImage, makeOwnPackage, ownArchitecture, unpack, unpackMark } from "./image.js";
import { missingTool } from "./missing-tool.js";
import { makeNodeImage } from "./node-image.js";
import { type Images, Pod, untilStarted } from "./pod.js";
import { validatorMark, validators } from "./validators.js";

const examples = `${packageRoot}/containers/examples/kubernetes`;
const files = readdirSync(examples);
const runMark = unpackMark || validatorMark || missingTool("crun");

describe(`the Kubernetes examples${validatorMark}`, function () {
  onlyInSandbox();
  this.timeout(60_000);
  before(function () {
    if (validatorMark !== "") this.skip();
  });

  for (const file of files) {
    // The first with native sidecars switched on, and the newest that the tool has.
    for (const version of ["1.29", "1.37"]) {
      it(`${file} is valid for Kubernetes ${version}`, () => {
        const words = ["--strict", "--kubernetes-version", version, `${examples}/${file}`];
        execFileSync(`${validators()}/kubernetes-validate`, words, { stdio: "pipe" });
      });
    }
  }
});

/** The other end of a pod's tunnel, and the keys of both. */
interface Outside {
  readonly tunnel: Tunnel;
  readonly podKey: PrivateKey;
  readonly publicKey: PublicKey;
}

describe(`the pods of the Kubernetes examples${runMark}`, function () {
  onlyInSandbox();
  this.timeout(120_000);

  let directory: string;
  let images: Images;
  before(function () {
    if (runMark !== "") this.skip();
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-pods-`);
    execFileSync("chmod", ["755", directory]);
    const engine = buildImage(`${directory}/image`, [makeOwnPackage(directory)]);
    const entrypoint = ["/usr/bin/wireguard-go", "--foreground"];
    images = {
      "wg-bridge-engine": {
        root: unpack(engine, `${directory}/engine`, ownArchitecture),
        mounts: [],
        entrypoint,
      },
      "wg-bridge": makeNodeImage(`${directory}/node`),
    };
    makeNetwork("pod", "192.0.2.1/24", "192.0.2.2/24");
  });
  after(() => rmSync(directory ?? "", { recursive: true, force: true }));

  let outside: Outside;
  beforeEach(async () => {
    const [key, podKey] = [PrivateKey.generate(), PrivateKey.generate()];
    const peers = [
      {
        publicKey: podKey.publicKey(),
        allowedIps: ["10.9.0.2/32"],
        endpoint: "192.0.2.2:51820",
      },
    ];
    const config = { privateKey: key, listenPort: 51_820, peers };
    const tunnel = await openTunnel({ name: "wgp", config, addresses: ["10.9.0.1/24"] });
    outside = { tunnel, podKey, publicKey: key.publicKey() };
  });
  afterEach(() => outside.tunnel.close());

  const podOf = (file: string) =>
    new Pod(`${examples}/${file}`, { directory, network: "pod", images }, (text) =>
      text
        .replace(/^(PrivateKey = ).*$/m, `$1${outside.podKey.toBase64()}`)
        .replace(/^(PublicKey = ).*$/m, `$1${outside.publicKey}`),
    );
  const pingFromPod = (count: number) =>
    pingAll("10.9.0.1", count, ["-i", "0.05"], ["ip", "netns", "exec", "pod"]);
  /**
   * How many bytes the pod has received by its session with the peer outside. A peer that is removed and added again
   * begins at 0; a new handshake alone says nothing, since a busy machine may repeat one.
   */
  const received = (container: Container) => {
    const shown = container.exec("wg", "show", "wg0", "transfer");
    const row = shown.split("\n").find((line) => line.startsWith(outside.publicKey));
    return Number(row?.split("\t")[1]);
  };

  it("native-sidecar.yaml: the words in place of keys are refused", async () => {
    const pod = new Pod(
      `${examples}/native-sidecar.yaml`,
      { directory, network: "pod", images },
      (text) => text,
    );
    await using wireguard = pod.run("wireguard");
    assert.equal(await wireguard.exited(), 1);
    assert.match(
      wireguard.output,
      /^wg0: Line \d+, column \d+ of the configuration: .*PrivateKey.*\n$/,
    );
  });

  it("native-sidecar.yaml: the program talks through the tunnel, which follows its secret", async () => {
    const pod = podOf("native-sidecar.yaml");
    const spec = pod.spec("wireguard");
    assert.equal(spec.restartPolicy, "Always");
    await using wireguard = pod.run("wireguard");
    await untilStarted(wireguard, spec);
    assert.equal(wireguard.status("CapBnd"), "0000000000001000");
    assert.equal(wireguard.status("NoNewPrivs"), "1");

    const server = createServer((socket) => socket.end("hello")).listen(0, "10.9.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    const script = `require("net").connect(${address.port}, "10.9.0.1").pipe(process.stdout)`;
    await using program = pod.run("program", ["node", "-e", script]);
    assert.equal(await program.exited(), 0, program.output);
    assert.equal(program.output, "hello");
    server.close();

    const before = received(wireguard);
    const path = `${pod.volume("config")}/wg0.conf`;
    const another = PrivateKey.generate().publicKey();
    const more = `\n[Peer]\nPublicKey = ${another}\nAllowedIPs = 10.99.0.0/16\n`;
    pod.writeSecret("config", "wg0.conf", readFileSync(path, "utf8") + more);
    await wireguard.until("the new peer", () =>
      wireguard.exec("wg", "show", "wg0", "peers").includes(another),
    );
    await wireguard.until("the new route", () => ip("-n", "pod", "route").includes("10.99.0.0/16"));
    assert.ok(received(wireguard) >= before);
    await pingFromPod(3);

    pod.writeSecret("config", "wg0.conf", "nonsense");
    wireguard.signal("HUP");
    await wireguard.until("the complaint", () =>
      wireguard.output.includes("goes on with the configuration that it has"),
    );
    await pingFromPod(1);

    // An engine that is killed is started again, with routes and all.
    wireguard.exec("sh", "-c", "kill -9 $(pidof wireguard-go)");
    await wireguard.until("the restart", () =>
      wireguard.output.includes("the engine was restarted"),
    );
    await wireguard.until("the routes", () => ip("-n", "pod", "route").includes("10.99.0.0/16"));
    await pingFromPod(3);
    assert.equal(await wireguard.stop(), 0, wireguard.output);
    assert.deepEqual(readdirSync(pod.volume("sockets")), []);
  });

  it("sidecar.yaml: the container that configures can be replaced while the session goes on", async () => {
    const pod = podOf("sidecar.yaml");
    await using early = pod.run("wireguard");
    assert.notEqual(await early.exited(), 0);
    assert.match(early.output, /may be written by others \(mode 0777\)/);

    await using sockets = pod.run("sockets");
    assert.equal(await sockets.exited(), 0, sockets.output);
    await using configure = pod.run("configure");
    await using wireguard = pod.run("wireguard");
    await configure.until("the configuration", () => configure.output.includes("configured by"));
    await pingFromPod(3);
    const before = received(configure);
    assert.equal(await configure.stop(), 0, configure.output);
    await pingFromPod(3);
    await using again = pod.run("configure");
    await again.until("the configuration", () => again.output.includes("configured by"));
    assert.ok(received(again) >= before);
    await pingFromPod(3);

    // The engine's end ends the container that configures, whose restart waits for the next engine.
    assert.equal(await wireguard.stop(), 0, wireguard.output);
    assert.equal(await again.exited(), 1, again.output);
    await using configureNext = pod.run("configure");
    await using next = pod.run("wireguard");
    await configureNext.until("the configuration", () =>
      configureNext.output.includes("configured by"),
    );
    await pingFromPod(3);
    assert.equal(await next.stop(), 0, next.output);
  });

  it("gateway.yaml: peers reach what is behind it, and metrics and probes answer", async () => {
    const pod = podOf("gateway.yaml");
    await using masquerade = pod.run("masquerade");
    assert.equal(await masquerade.exited(), 0, masquerade.output);
    await using twice = pod.run("masquerade");
    assert.equal(await twice.exited(), 0, twice.output);
    assert.equal(
      ip("netns", "exec", "pod", "iptables", "-t", "nat", "-S").match(/MASQ/g)?.length,
      1,
    );
    const endpoints = `${pod.volume("state")}/endpoints`;
    writeFileSync(endpoints, '[["key", "nowhere"]]');
    await using wireguard = pod.run("wireguard");
    await untilStarted(wireguard, pod.spec("wireguard"));
    await wireguard.until("the complaint", () => wireguard.output.includes('"nowhere"'));

    // The peer, in a namespace of its own, reaches a server to which only the gateway's address has a way back.
    const { podKey, tunnel } = outside;
    const allowedIps = ["10.9.0.2/32", "198.51.100.0/24"];
    await tunnel.update({ peers: [{ publicKey: podKey.publicKey(), allowedIps }] });
    ip("netns", "add", "peer");
    ip("link", "set", tunnel.name, "netns", "peer");
    for (const command of [
      `-n peer address add 10.9.0.1/24 dev ${tunnel.name}`,
      `-n peer link set ${tunnel.name} up`,
      `-n peer route add 198.51.100.0/24 dev ${tunnel.name}`,
      "-n pod route add default via 192.0.2.1",
      "netns exec pod sysctl -qw net.ipv4.ip_forward=1",
    ]) {
      ip(...command.split(" "));
    }
    makeNetwork("server", "198.51.100.1/24", "198.51.100.2/24");
    ip("-n", "server", "route", "add", "192.0.2.2/32", "via", "198.51.100.1");
    execFileSync("sysctl", ["-qw", "net.ipv4.ip_forward=1"]);
    await pingAll("198.51.100.2", 3, ["-i", "0.05"], ["ip", "netns", "exec", "peer"]);

    await using metrics = pod.run("metrics");
    await metrics.until("the listener", () => metrics.output.includes("serving"));
    assert.equal(metrics.status("CapBnd"), "0000000000000000");
    const { path } = pod.spec("metrics").readinessProbe?.httpGet ?? {};
    const answer = await fetch(`http://192.0.2.2:9586${path}`);
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    assert.match(text, /^wg_bridge_interface_up\{interface="wg0"\} 1$/m);
    assert.match(text, /^wireguard_received_bytes_total\{.*\} [1-9]\d*$/m);
    assert.equal(await metrics.stop(), 0, metrics.output);
    assert.equal(await wireguard.stop(), 0, wireguard.output);

    assert.equal(statSync(endpoints).mode & 0o777, 0o600);
    // The next pod begins the handshake: the peer, which sends nothing, would not before it has something to send.
    const session = once(tunnel, "handshake");
    await using next = pod.run("wireguard");
    await untilStarted(next, pod.spec("wireguard"));
    await session;
    assert.equal(next.exec("wg", "show", "wg0", "persistent-keepalive").split("\t")[1], "off\n");
    assert.equal(await next.stop(), 0, next.output);
    assert.equal(existsSync(`${pod.volume("sockets")}/wg0.sock`), false);
  });
});
