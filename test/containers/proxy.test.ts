// The container example of docs/proxy.md, run as Docker would.
import assert from "node:assert/strict";
import { chownSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";
import { curl, statusOnly } from "../cli/proxy/command.js";
import { FarEnd } from "../cli/proxy/far-end.js";
import { blocksIn } from "../docs/blocks.js";
import { onlyInSandbox } from "../sandbox.js";
import { bind, Container, type ContainerOptions, type Mount, makeNetwork } from "./container.js";
import { missingTool } from "./missing-tool.js";
import { makeNodeImage } from "./node-image.js";

const mark = missingTool("crun");

/** The address of the host, and of the container. */
const [outside, inside] = ["192.0.2.1", "192.0.2.2"] as const;

/** Who runs the example's `docker run`. */
const user = 1000;

describe(`the container of the proxy's page${mark}`, function () {
  onlyInSandbox();
  this.timeout(120_000);
  let directory: string;
  let far: FarEnd;

  before(async function () {
    if (mark !== "") this.skip();
    directory = mkdtempSync("/run/wg-proxy-"); // not under /tmp, which the container has for itself
    far = await FarEnd.open();
    makeNetwork("proxy", `${outside}/24`, `${inside}/24`);
  });
  after(async () => {
    await far?.[Symbol.asyncDispose]();
    if (directory) rmSync(directory, { recursive: true });
  });

  it("serves SOCKS5 to its users without a capability, a device or a file that it could change", async () => {
    const page = readFileSync(`${packageRoot}/docs/proxy.md`, "utf8");
    const blocks = blocksIn("proxy.md", page).map(({ code }) => code);
    const dockerfile = blocks.find((code) => code.startsWith("FROM "));
    const script = blocks.find((code) => code.includes("docker run"));
    assert.ok(dockerfile && script);
    const files = [
      far.file("wg0.conf", far.interfaceText + far.peerText.replace("127.0.0.1", outside)),
      far.file("users", "alice:secret\n"),
    ];
    for (const file of files) chownSync(file, user, user);
    const options = containerOf(dockerfile, script, far.directory);
    const image = makeNodeImage(`${directory}/image`);
    await using container = Container.run(directory, "proxy", {
      ...options,
      root: image.root,
      mounts: [...image.mounts, ...(options.mounts ?? [])],
      network: "proxy",
    });
    await container.until("the listener", () => container.output.includes("SOCKS5 at"));
    assert.equal(container.status("CapEff"), "0000000000000000");
    assert.equal(container.status("NoNewPrivs"), "1");
    assert.equal(container.status("Uid")?.split("\t")[0], String(user));
    const proxy = ["--socks5-hostname", `${inside}:1080`];
    const page8 = `http://${far.web}/a`;
    assert.equal(await curl(...proxy, "--proxy-user", "alice:secret", page8), "page /a");
    await assert.rejects(curl(...proxy, ...statusOnly, page8), { code: 97 });
    assert.equal(await container.stop(), 0, container.output);
  });
});

/** Reads a Dockerfile and `docker run`, and refuses what this test does not understand. */
function containerOf(dockerfile: string, script: string, directory: string): Options {
  const entrypoint: unknown = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1] ?? "null");
  assert.ok(isTexts(entrypoint));
  assert.match(dockerfile, /^RUN npm install --global wg-bridge$/m);
  const [, command = ""] = script.replaceAll("\\\n", " ").split("docker run");
  const words = command.replaceAll(/["']/g, "").replace("$(id -u)", String(user)).trim();
  const left = words.split(/\s+/);
  const mounts: Mount[] = [];
  const seen: Record<string, string> = {};
  while (left[0]?.startsWith("-")) {
    const [name = "", attached] = (left.shift() ?? "").split("=");
    const value = flags.includes(name) ? "" : (attached ?? left.shift() ?? "");
    seen[name] = value;
    if (name === "--tmpfs") {
      const modes = ["nosuid", "nodev", "noexec", "mode=1777"];
      mounts.push({ destination: value, type: "tmpfs", source: "tmpfs", options: modes });
    } else if (name === "-v") {
      const [source = "", destination = "", mode] = value.replace("$PWD", directory).split(":");
      mounts.push(bind(source, destination, mode === "ro"));
    } else {
      assert.ok(known.includes(name), name);
    }
  }
  assert.equal(seen["-p"], "127.0.0.1:1080:1080");
  left.shift(); // the image's name
  return {
    args: [...entrypoint, ...left],
    user: Number(seen["--user"]),
    capabilities: seen["--cap-drop"] === "ALL" ? [] : ["NET_RAW"],
    noNewPrivileges: seen["--security-opt"] === "no-new-privileges",
    readOnlyRoot: "--read-only" in seen,
    mounts,
    tun: false,
  };
}

type Options = Omit<ContainerOptions, "root" | "network">;

const flags = ["--rm", "--read-only"];
const known = [...flags, "--cap-drop", "--security-opt", "--user", "-p"];

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
