import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, rm, symlink } from "node:fs/promises";
import { findProgram } from "../../src/doctor/tools.js";
import { onlyInSandbox } from "../sandbox.js";
import { BareTree } from "./bare-tree.js";

const everyCommand =
  /apt-get install --no-install-recommends ncat\n.*dnf install nmap-ncat\n.*apk add nmap-ncat\n.*pacman -S nmap\n$/;

describe("scripts/setup-packages", () => {
  onlyInSandbox();

  let tree: BareTree;
  const addProgram = (name: string, script: string) => tree.addProgram(name, script);
  const setUpPackages = (...prefix: string[]) => tree.run(...prefix, "scripts/setup-packages");

  const aptGetLog = () => readFile(`${tree.root}/log`, "utf8");
  /** Adds an apt-get that logs its arguments and installs ncat. */
  const workingAptGet = () =>
    addProgram("apt-get", 'echo "$DEBIAN_FRONTEND $*" >>log; ln -sf true bin/ncat');

  beforeEach(async () => {
    tree = await BareTree.make(
      ["scripts/setup-packages", "scripts/packages", "scripts/step"],
      ["bash", "cat", "dirname", "env", "ln", "mktemp", "readlink", "rm", "true"],
    );
    for (const name of [
      "wg",
      "wg-quick",
      "iperf3",
      "iptables",
      "ip",
      "ss",
      "ping",
      "ping6",
      "unshare",
    ]) {
      await addProgram(name, "exit 0");
    }
  });
  afterEach(() => tree.remove());

  it("prints and installs nothing if no tool is missing", async () => {
    await addProgram("ncat", "exit 0");
    await addProgram("apt-get", "exit 1");
    assert.deepEqual(await setUpPackages(), { status: 0, stdout: "", stderr: "" });
  });

  it("announces and installs only what is missing, without asking", async () => {
    await workingAptGet();
    const { status, stdout, stderr } = await setUpPackages();
    assert.match(stdout, /^Installing the Debian packages ncat, for ncat\.\nReading the lists/);
    assert.equal(stderr, "");
    assert.equal(status, 0);
    assert.equal(
      await aptGetLog(),
      "noninteractive -q update\nnoninteractive -q install --yes --no-install-recommends ncat\n",
    );
    assert.deepEqual(await setUpPackages(), { status: 0, stdout: "", stderr: "" });
  });

  it("names the command for every package manager if apt-get fails", async () => {
    await addProgram("apt-get", "echo 'Unable to fetch'; exit 100");
    const { status, stdout, stderr } = await setUpPackages();
    assert.match(stdout, /Unable to fetch/);
    assert.match(stderr, /^wg-bridge needs ncat, which apt-get could not install\./);
    assert.match(stderr, everyCommand);
    assert.equal(status, 1);
  });

  it("names the command for every package manager if there is no apt-get", async () => {
    const { status, stdout, stderr } = await setUpPackages();
    assert.equal(stdout, "");
    assert.match(stderr, everyCommand);
    assert.equal(status, 1);
  });

  it("names the package of two missing tools once", async () => {
    await rm(`${tree.root}/bin/wg`);
    await rm(`${tree.root}/bin/wg-quick`);
    const { stderr } = await setUpPackages();
    assert.match(stderr, /needs wg wg-quick ncat,/);
    assert.match(stderr, /dnf install wireguard-tools nmap-ncat\n/);
  });

  it("treats BusyBox's ip as missing", async () => {
    await addProgram("busybox", "exit 0");
    await addProgram("ncat", "exit 0");
    await rm(`${tree.root}/bin/ip`);
    await symlink("busybox", `${tree.root}/bin/ip`);
    assert.match((await setUpPackages()).stderr, /needs ip,.*\n(.*\n)*.*apk add iproute2\n/);
  });

  describe("as an ordinary user", () => {
    const nobody = [
      findProgram("setpriv", process.env) ?? "setpriv",
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
    ];

    before(async function () {
      const [program = "", ...args] = [...nobody, "true"];
      const isRefused = await new Promise<boolean>((resolve) => {
        execFile(program, args, (error) => resolve(error !== null));
      });
      if (!isRefused) return;
      const suite = this.test?.parent;
      if (suite) suite.title += " [skipped: this user cannot become another one]";
      this.skip();
    });

    it("names the command if sudo is not installed", async () => {
      await workingAptGet();
      const { status, stderr } = await setUpPackages(...nobody);
      assert.match(stderr, /^wg-bridge needs ncat, which only root may install\./);
      assert.match(stderr, everyCommand);
      assert.equal(status, 1);
    });

    it("names the command if sudo would ask for a password", async () => {
      await workingAptGet();
      await addProgram("sudo", 'echo "sudo: a password is required" >&2; exit 1');
      const { status, stderr } = await setUpPackages(...nobody);
      assert.match(stderr, /^wg-bridge needs ncat, which only root may install\./);
      assert.equal(status, 1);
    });

    it("installs by sudo if that needs no password", async () => {
      await addProgram("apt-get", "exit 0");
      await addProgram("sudo", `[ "$1" = -n ] || exit 1; shift; "$@"`);
      assert.equal((await setUpPackages(...nobody)).status, 0);
    });
  });
});
