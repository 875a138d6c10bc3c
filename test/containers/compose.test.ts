// The compose example: read by the reference implementation, and its tunnel run as Docker would.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { packageRoot } from "../../src/artifacts.js";
import { openTunnel, PrivateKey } from "../../src/index.js";
import { pingAll } from "../ping.js";
import { onlyInSandbox } from "../sandbox.js";
import { assertSameSession } from "../session.js";
import { bind, Container, type Mount, makeNetwork } from "./container.js";
import { usersMark } from "./image.js";
import { missingTool } from "./missing-tool.js";
import { makeNodeImage } from "./node-image.js";
import { validatorMark, validators } from "./validators.js";

const file = `${packageRoot}/containers/examples/compose.yaml`;
const mark = validatorMark || missingTool("crun") || usersMark;

/** A service as compose-spec normalises it. */
interface Service {
  readonly command: readonly string[];
  readonly user: string;
  readonly cap_add: readonly string[];
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly read_only: boolean;
  readonly devices: readonly { readonly source: string; readonly target: string }[];
  readonly tmpfs: readonly string[];
  readonly volumes: readonly { readonly target: string; readonly read_only: boolean }[];
  readonly healthcheck: { readonly test: readonly string[] };
}

describe(`the compose example${mark}`, function () {
  onlyInSandbox();
  this.timeout(120_000);

  let directory: string;
  let service: Service;
  before(function () {
    if (mark !== "") this.skip();
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-compose-`);
    execFileSync("chmod", ["755", directory]);
    const words = ["-format", "json", file];
    const model = execFileSync(`${validators()}/compose-spec`, words, { encoding: "utf8" });
    service = JSON.parse(model).services.wireguard;
  });
  after(() => rmSync(directory ?? "", { recursive: true, force: true }));

  it("gives the tunnel what the page's docker run does", () => {
    const page = readFileSync(`${packageRoot}/docs/containers.md`, "utf8");
    const [line = ""] = /^docker run --detach --name tunnel (?:.*\\\n)*.*$/m.exec(page) ?? [];
    const args = line.replaceAll(/["\\]/g, "").split(/\s+/).slice(2);
    const many = { type: "string", multiple: true } as const;
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        detach: { type: "boolean" },
        name: { type: "string" },
        "read-only": { type: "boolean" },
        "cap-drop": many,
        "cap-add": many,
        "security-opt": many,
        device: many,
        tmpfs: many,
        volume: many,
      },
    });
    assert.equal(positionals.length, 1);
    assert.equal(values["read-only"], service.read_only);
    assert.deepEqual(values["cap-drop"], service.cap_drop);
    assert.deepEqual(values["cap-add"], service.cap_add);
    assert.deepEqual(
      values["security-opt"]?.map((option) => `${option}:true`),
      service.security_opt,
    );
    assert.deepEqual(
      values.device,
      service.devices.map(({ target }) => target),
    );
    assert.deepEqual(values.tmpfs, service.tmpfs);
    assert.deepEqual(values.volume, ["$PWD/wireguard:/etc/wireguard:ro"]);
    const containerfile = readFileSync(`${packageRoot}/containers/node/Containerfile`, "utf8");
    const [, command = "[]"] = /^CMD (.*)$/m.exec(containerfile) ?? [];
    assert.deepEqual(service.command, JSON.parse(command));
  });

  it("makes a tunnel that is healthy, carries packets and follows its file", async () => {
    makeNetwork("compose", "192.0.2.1/30", "192.0.2.2/30");
    const [key, inner] = [PrivateKey.generate(), PrivateKey.generate()];
    const peers = [{ publicKey: inner.publicKey(), allowedIps: ["10.9.0.2/32", "10.9.1.0/24"] }];
    const config = { privateKey: key, listenPort: 51_820, peers };
    await using outside = await openTunnel({ name: "wgp", config, addresses: ["10.9.0.1/24"] });
    const folder = `${directory}/wireguard`;
    mkdirSync(folder, { mode: 0o700 });
    const text = (allowedIps: string) =>
      `[Interface]\nPrivateKey = ${inner.toBase64()}\nAddress = 10.9.0.2/24\n\n[Peer]\nPublicKey = ${key.publicKey()}\nEndpoint = 192.0.2.1:51820\nAllowedIPs = ${allowedIps}\n`;
    writeFileSync(`${folder}/wg0.conf`, text("10.9.0.0/24"), { mode: 0o600 });

    const image = makeNodeImage(`${directory}/node`);
    assert.deepEqual(service.cap_drop, ["ALL"]);
    assert.deepEqual(
      service.devices.map(({ target }) => target),
      ["/dev/net/tun"],
    );
    await using container = Container.run(directory, "compose", {
      root: image.root,
      args: [...image.entrypoint, ...service.command],
      user: Number(service.user.split(":")[0]),
      capabilities: service.cap_add,
      noNewPrivileges: service.security_opt.includes("no-new-privileges:true"),
      readOnlyRoot: service.read_only,
      mounts: [
        ...image.mounts,
        ...service.tmpfs.map(tmpfsOf),
        ...service.volumes.map(({ target, read_only }) => bind(folder, target, read_only)),
      ],
      tun: true,
      network: "compose",
    });
    await container.until("the configuration", () => container.output.includes("configured by"));
    const [kind, ...command] = service.healthcheck.test;
    assert.equal(kind, "CMD");
    assert.equal(container.exec(...command), `${inner.publicKey()}\n`);
    await pingAll("10.9.0.1", 10, ["-i", "0.05"], ["ip", "netns", "exec", "compose"]);
    const [before] = (await outside.status()).peers;
    const received = () => Number(container.exec("wg", "show", "wg0", "transfer").split("\t")[1]);
    const earlier = received();

    writeFileSync(`${folder}/new`, text("10.9.0.0/24, 10.77.0.0/16"), { mode: 0o600 });
    renameSync(`${folder}/new`, `${folder}/wg0.conf`);
    await container.until("the change", () =>
      container.exec("wg", "show", "wg0", "allowed-ips").includes("10.77.0.0/16"),
    );
    await pingAll("10.9.0.1", 3, ["-i", "0.05"], ["ip", "netns", "exec", "compose"]);
    assertSameSession((await outside.status()).peers[0], before, 3);
    assert.ok(received() > earlier, "the container's end counts anew");
    assert.equal(await container.stop(), 0, container.output);
  });
});

/** A tmpfs in the short syntax, PATH:OPTIONS. */
function tmpfsOf(text: string): Mount {
  const [destination = "", options = ""] = text.split(":");
  const all = ["nosuid", "nodev", "noexec", ...options.split(",")];
  return { destination, type: "tmpfs", source: "tmpfs", options: all };
}
