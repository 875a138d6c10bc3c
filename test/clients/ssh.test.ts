import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";
import { blocksIn } from "../docs/blocks.js";
import { hasStranger, stranger } from "../other-user.js";
import { onlyInSandbox } from "../sandbox.js";
import { useIntranet } from "./intranet.js";
import { describeClient, output, Program, runClient } from "./program.js";
import { bytes, sum } from "./transfer.js";

const server = `${packageRoot}/build/clients/debian`;
const mark = !existsSync(server)
  ? " [skipped: sshd is not installed: run scripts/test-tools]"
  : hasStranger
    ? ""
    : " [skipped: sshd without root needs another user]";

const size = 32 << 20;

/** The name of the stranger, who may log in. */
const user = "traveller";

/** What docs/proxy.md has for ~/.ssh/config. */
function documentedConfig(): string {
  const text = readFileSync(`${packageRoot}/docs/proxy.md`, "utf8");
  const block = blocksIn("proxy.md", text).find(({ code }) => code.includes("ProxyCommand"));
  assert.ok(block);
  return block.code;
}

describeClient(
  "ssh with a ProxyCommand",
  ["ssh", "dnsmasq"],
  (backend) => {
    onlyInSandbox();
    const intranet = useIntranet(backend);
    let home: string;

    before(async () => {
      home = `${intranet().directory}/home`;
      const far = `${intranet().directory}/far`;
      for (const directory of [home, far]) mkdirSync(directory);
      for (const path of [intranet().directory, far]) chmodSync(path, 0o755);
      symlinkSync(intranet().config, `${home}/wg0.conf`);
      mkdirSync(`${home}/bin`);
      symlinkSync(`${packageRoot}/dist/src/cli/main.js`, `${home}/bin/wg-bridge`);
      // Where the stranger may read it.
      cpSync(server, `${far}/debian`, { recursive: true, verbatimSymlinks: true });
      for (const key of [`${home}/key`, `${far}/host`]) {
        execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key]);
      }
      execFileSync("chown", [`${stranger}`, `${far}/host`]);
      const passwd = readFileSync("/etc/passwd", "utf8");
      const mounted = intranet().file(
        "passwd",
        `${passwd}${user}:x:${stranger}:${stranger}::${far}:/bin/bash\n`,
      );
      chmodSync(mounted, 0o644);
      execFileSync("mount", ["--bind", mounted, "/etc/passwd"]);
      intranet().onClose(() => execFileSync("umount", ["/etc/passwd"]));
      const authorized = intranet().file(
        "authorized_keys",
        readFileSync(`${home}/key.pub`, "utf8"),
      );
      chmodSync(authorized, 0o644);
      const settings = {
        ListenAddress: "127.0.0.1:2222",
        HostKey: `${far}/host`,
        AuthorizedKeysFile: authorized,
        PidFile: "none",
        UsePAM: "no",
        PasswordAuthentication: "no",
        StrictModes: "no",
        Subsystem: "sftp internal-sftp",
      };
      const words = Object.entries(settings).map(([name, value]) => `-o${name}=${value}`);
      const libraries = `${far}/debian/usr/lib/x86_64-linux-gnu:${far}/debian/lib/x86_64-linux-gnu`;
      const daemon = new Program([
        "setpriv",
        ...[`--reuid=${stranger}`, `--regid=${stranger}`, "--clear-groups"],
        ...["env", `LD_LIBRARY_PATH=${libraries}`, `${far}/debian/usr/sbin/sshd`],
        ...["-D", "-e", "-f", "/dev/null", ...words],
      ]);
      intranet().onClose(() => daemon[Symbol.asyncDispose]());
      await daemon.says(/Server listening on/);
      await intranet().tunnel.proxy({ expose: ["22=127.0.0.1:2222"] });
      const host = readFileSync(`${far}/host.pub`, "utf8");
      intranet().file("known_hosts", `server.intranet ${host}`);
      intranet().file(
        "ssh_config",
        `${documentedConfig()}  User ${user}
  IdentityFile ${home}/key
  IdentitiesOnly yes
  UserKnownHostsFile ${intranet().directory}/known_hosts
  GlobalKnownHostsFile none
`,
      );
    });

    const options = () => ({
      env: {
        HOME: home,
        PATH: `${home}/bin:${process.env.PATH}`,
        WG_BRIDGE_BACKEND: backend,
        SHELL: "/bin/sh",
      },
    });
    const words = (program: string) => [program, "-F", `${intranet().directory}/ssh_config`];

    it("logs in by the configuration of docs/proxy.md, and gets the exit status", async () => {
      const ssh = [...words("ssh"), "server.intranet"];
      const said = await output([...ssh, "id -un; echo $SSH_CONNECTION"], options());
      assert.match(said, /^traveller\n127\.0\.0\.1 /);
      assert.equal((await runClient([...ssh, "exit 7"], options())).code, 7);
    });

    it("carries much both ways, unchanged", async () => {
      const command = [...words("ssh"), "server.intranet", "cat"];
      const { code, hash } = await runClient(command, { ...options(), input: bytes(size) });
      assert.equal(code, 0);
      assert.equal(hash, await sum(bytes(size)));
    });

    it("copies a file by sftp", async () => {
      const [source, copy] = [`${home}/key.pub`, `${intranet().directory}/far/copy`];
      execFileSync("chown", [`${stranger}`, `${intranet().directory}/far`]);
      const sftp = [...words("sftp"), "-q", "-b", "-", "server.intranet"];
      await output(sftp, { ...options(), input: `put ${source} ${copy}\n` });
      assert.equal(readFileSync(copy, "utf8"), readFileSync(source, "utf8"));
    });

    it("says what it cannot reach", async () => {
      const refused = [...words("ssh"), "-p", "23", "server.intranet", "true"];
      const { code, stderr } = await runClient(refused, options());
      assert.equal(code, 255);
      assert.match(stderr, /ECONNREFUSED.*:23/);
    });
  },
  mark,
);
