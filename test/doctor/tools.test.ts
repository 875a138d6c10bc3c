import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { attempt, collectTool, findProgram, findVersion } from "../../src/doctor/tools.js";

const packages = { apt: "a", dnf: "b", apk: "c", pacman: "d" };

describe("the tools that doctor looks for", () => {
  let directory: string;
  const env = () => ({ PATH: directory });

  async function addTool(name: string, script: string): Promise<void> {
    await writeFile(`${directory}/${name}`, `#!/bin/sh\n${script}\n`);
    await chmod(`${directory}/${name}`, 0o755);
  }

  beforeEach(async () => {
    directory = await mkdtemp(`${tmpdir()}/doctor-`);
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("are found on PATH, with the version that they print", async () => {
    await addTool("wireguard-test-tool", "echo 'tool v1.2.3, of today'");
    const tool = await collectTool({ tool: "wireguard-test-tool", packages }, env());
    assert.equal(tool.path, `${directory}/wireguard-test-tool`);
    assert.equal(tool.version, "1.2.3");
  });

  it("are missing if no file of that name is executable", async () => {
    await writeFile(`${directory}/wireguard-test-tool`, "");
    assert.equal(findProgram("wireguard-test-tool", env()), undefined);
  });

  it("are also found in directories outside ordinary users' PATH", () => {
    assert.match(findProgram("iptables", env()) ?? "", /\/sbin\/iptables$/);
  });

  it("count as missing if BusyBox provides them", async () => {
    await addTool("busybox", "echo BusyBox v1.36.1");
    await symlink("busybox", `${directory}/wireguard-test-tool`);
    const tool = await collectTool({ tool: "wireguard-test-tool", packages }, env());
    assert.equal(tool.path, undefined);
  });

  it("are killed if they do not end, even if they ignore SIGTERM", async () => {
    await addTool("wireguard-test-tool", "trap '' TERM; echo begun; while :; do sleep 0.01; done");
    const { PATH = "" } = process.env; // the script runs sleep
    assert.deepEqual(await attempt([`${directory}/wireguard-test-tool`], { PATH }, 200), {
      ok: false,
      message: "no answer within 0.2 s",
      crashed: true,
    });
  });

  it("are reported with the last line that they printed if they fail", async () => {
    await addTool("wireguard-test-tool", "echo first; echo not permitted >&2; exit 1");
    assert.deepEqual(await attempt(["wireguard-test-tool"], env()), {
      ok: false,
      message: "not permitted",
    });
  });

  it("are reported with the reason if they cannot be started", async () => {
    const tried = await attempt(["wireguard-test-tool"], env());
    assert.equal(tried.ok, false);
    assert.match(tried.ok ? "" : tried.message, /ENOENT/);
  });

  it("have a problem if the kernel does not start them, or a signal ends them", async () => {
    const row = { tool: "wireguard-test-tool", packages };
    await writeFile(`${directory}/wireguard-test-tool`, "#!/no/such/interpreter\n");
    await chmod(`${directory}/wireguard-test-tool`, 0o755);
    assert.match((await collectTool(row, env())).problem ?? "", /ENOENT/);
    await addTool("wireguard-test-tool", "kill -SEGV $$");
    assert.equal((await collectTool(row, env())).problem, "killed by SIGSEGV");
    await addTool("wireguard-test-tool", "exit 1");
    assert.equal((await collectTool(row, env())).problem, undefined);
  });

  for (const [text, version] of [
    ["wireguard-tools v1.0.20210914 - https://git.zx2c4.com/wireguard-tools/", "1.0.20210914"],
    ["ip utility, iproute2-6.1.0, libbpf 1.1.0", "6.1.0"],
    ["ping from iputils 20221126", "20221126"],
    ["wireguard-go v0.0.0-20260522210424-ecfc5a8d5446", "0.0.0-20260522210424-ecfc5a8d5446"],
    ["no version here", undefined],
  ] as const) {
    it(`have the version ${version} when they print ${JSON.stringify(text)}`, () => {
      assert.equal(findVersion(text), version);
    });
  }
});
