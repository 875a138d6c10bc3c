import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { executablePath, libraryPath } from "../../src/engine/files.js";
import { attach, openTunnel } from "../../src/index.js";
import { serverOf } from "../../src/uapi/server.js";
import { hasCode } from "../error-code.js";
import { endLeftTunnels, onlyInSandbox } from "../sandbox.js";

const asRoot = process.geteuid?.() === 0;
const rootOnly = asRoot ? "" : " [skipped: only root refuses a file]";

describe("the options library and executable", () => {
  onlyInSandbox();
  endLeftTunnels("wgn0");

  const name = "wgn0";
  let directory = "";
  let executable = "";
  let library = "";

  before(() => {
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-named-`);
    executable = `${directory}/wireguard-go`;
    library = `${directory}/library.so`;
    copyFileSync(executablePath({}), executable);
    copyFileSync(libraryPath({}), library);
  });

  after(() => rmSync(directory, { recursive: true }));

  it("name the executable that exec starts, whatever the environment says, and starts again", async () => {
    const env = { ...process.env, WIREGUARD_GO_EXECUTABLE: "/none" };
    const restart = { delay: 1 };
    await using tunnel = await openTunnel({ name, backend: "exec", executable, env, restart });
    const first = serverOf(name);
    assert.equal(first?.program, executable);
    const restarted = once(tunnel, "restarted");
    process.kill(first.pid, "SIGKILL");
    await restarted;
    const second = serverOf(name);
    assert.notEqual(second?.pid, first.pid);
    assert.equal(second?.program, executable);
  });

  it("name a command on PATH, too", async () => {
    const env = { ...process.env, PATH: `${directory}:${process.env.PATH}` };
    const options = { name, backend: "exec", executable: "wireguard-go", env } as const;
    await using tunnel = await openTunnel(options);
    assert.equal(serverOf(tunnel.name)?.program, executable);
  });

  it("choose no backend, and auto falls back on the executable from a library that is missing", async () => {
    await using tunnel = await openTunnel({ name, executable, library: "/none.so" });
    assert.equal(tunnel.backend, "exec");
    assert.equal(
      tunnel.reason,
      "auto falls back on exec: There is no library /none.so, which the option library names. Correct that, or leave it out.",
    );
    assert.equal(serverOf(name)?.program, executable);
    await tunnel.close();
    await using other = await openTunnel({ name, backend: "exec", library: "/none.so" });
    assert.equal(other.backend, "exec");
  });

  it("name the library that ffi loads", async () => {
    await assert.rejects(
      openTunnel({ name, backend: "ffi", library: "/none.so" }),
      hasCode("WG_BRIDGE_LIBRARY_MISSING"),
    );
    await using tunnel = await openTunnel({ name, library, executable: "/none" });
    assert.equal(tunnel.backend, "ffi");
    // A process can hold only one Go library, so this one is loaded.
    await assert.rejects(
      openTunnel({
        name: "wgn1",
        backend: "ffi",
        library: libraryPath({}).replace("/build/", "/build/../build/"),
      }),
      new RegExp(`this process has loaded ${library}, and can hold only one Go library`),
    );
  });

  it(`are refused to root by their names if others may write the files${rootOnly}`, async function () {
    if (!asRoot) this.skip();
    const open = `${directory}/open`;
    mkdirSync(open);
    copyFileSync(executable, `${open}/program`);
    chmodSync(open, 0o777);
    await assert.rejects(openTunnel({ name, backend: "exec", executable: `${open}/program` }), {
      code: "WG_BRIDGE_UNTRUSTED",
      message: `The option executable names ${open}/program, which root does not run: ${open} may be written by others (mode 777), so another user could put a program of theirs there. Run "chown root ${open} && chmod go-w ${open}", or install the file where only root may write, as with "install -m 755 ${open}/program /usr/local/lib/".`,
    });
  });

  it("are not options of attach", async () => {
    const options: object = { executable };
    await assert.rejects(attach(name, options), /options has no field "executable"/);
  });
});
