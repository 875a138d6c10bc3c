import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../src/artifacts.js";
import { describeWith } from "../cli/programs.js";
import { onlyInSandbox } from "../sandbox.js";

const epoch = "1790000000";

/** What the package installs, and each file's mode. */
const installed = [
  "-rwxr-xr-x root/root ./usr/lib/wg-bridge/wireguard-go",
  "-rw-r--r-- root/root ./usr/lib/systemd/system/wg-bridge@.service",
  "-rw-r--r-- root/root ./usr/lib/sysusers.d/wg-bridge-engine.conf",
  "-rw-r--r-- root/root ./usr/lib/tmpfiles.d/wg-bridge-engine.conf",
  "-rw-r--r-- root/root ./usr/share/doc/wg-bridge-engine/changelog.Debian.gz",
  "-rw-r--r-- root/root ./usr/share/doc/wg-bridge-engine/changelog.gz",
  "-rw-r--r-- root/root ./usr/share/doc/wg-bridge-engine/copyright",
  "-rw-r--r-- root/root ./usr/share/lintian/overrides/wg-bridge-engine",
  "-rw-r--r-- root/root ./usr/share/man/man8/wg-bridge-engine.8.gz",
];

const { version } = JSON.parse(readFileSync(`${packageRoot}/package.json`, "utf8"));

describeWith("dpkg-deb", "the Debian package", () => {
  onlyInSandbox();
  let directory = "";
  let deb = "";

  /** Makes the package and returns its path. */
  function make(name: string, umask: string): string {
    const output = join(directory, name);
    mkdirSync(output);
    const script = `umask ${umask}; exec scripts/deb --output "$0" --checkout`;
    execFileSync("bash", ["-c", script, output], {
      cwd: packageRoot,
      env: { ...process.env, SOURCE_DATE_EPOCH: epoch, DEBEMAIL: "", DEBFULLNAME: "" },
    });
    const [file = "", ...more] = readdirSync(output);
    assert.deepEqual(more, []);
    return join(output, file);
  }

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "wg-bridge-deb-"));
    deb = make("first", "022");
  });

  after(() => rmSync(directory, { recursive: true }));

  it("has the same bytes each time, whatever the umask", () => {
    const again = make("second", "077");
    assert.ok(readFileSync(deb).equals(readFileSync(again)));
  });

  it("contains the engine, the service, its user, a page and the licences, as root's files", () => {
    const listing = execFileSync("dpkg-deb", ["--contents", deb], { encoding: "utf8" });
    const files = listing
      .split("\n")
      .filter((line) => line.startsWith("-"))
      .map((line) => {
        const [mode, owner, , , , path] = line.split(/\s+/);
        return `${mode} ${owner} ${path}`;
      });
    assert.deepEqual(files.sort(), [...installed].sort());
    const copyright = execFileSync(
      "bash",
      [
        "-c",
        'dpkg-deb --fsys-tarfile "$0" | tar -xO ./usr/share/doc/wg-bridge-engine/copyright',
        deb,
      ],
      { encoding: "utf8" },
    );
    assert.match(copyright, /the wg-bridge authors[\s\S]*golang\.zx2c4\.com\/wireguard v/);
    assert.doesNotMatch(copyright, /gvisor/, "only wireguard-go-userspace contains it");
  });

  it("names its version, processor and dependencies", () => {
    const field = (name: string) =>
      execFileSync("dpkg-deb", ["--field", deb, name], { encoding: "utf8" }).trim();
    const architecture = execFileSync("dpkg", ["--print-architecture"], { encoding: "utf8" });
    assert.equal(field("Version"), `${version.replace("-", "~")}-1`);
    assert.equal(field("Architecture"), architecture.trim());
    assert.equal(field("Depends"), "systemd | systemd-standalone-sysusers, wireguard-tools");
    assert.equal(field("Maintainer"), "the wg-bridge authors <maintainers@wg-bridge.invalid>");
  });

  it("is refused for a processor that is unknown, or whose engine was not built", () => {
    const result = spawnSync("scripts/deb", ["--output", directory, "vax"], {
      cwd: packageRoot,
      encoding: "utf8",
    });
    assert.equal(result.status, 1);
    assert.match(result.stderr, /^There is no processor vax: give some of .*arm64.*\.\n$/);
  });

  describeWith("lintian", "for lintian", () => {
    it("has nothing to say about that the package does not explain", function () {
      this.timeout(120_000);
      const args = ["--allow-root", "--display-info", "--fail-on", "error,warning,info", deb];
      const { status, stdout, stderr } = spawnSync("lintian", args, { encoding: "utf8" });
      assert.deepEqual({ status, stdout }, { status: 0, stdout: "" }, stderr);
    });
  });
});
