import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { executablePath, libraryPath } from "../../src/engine/files.js";
import { choose } from "../../src/strategy/choose.js";
import { probe } from "../../src/strategy/probe.js";
import { requireTrustedFile } from "../../src/trust.js";
import { hasStranger, skippedWithoutStranger, stranger } from "../other-user.js";
import { onlyInSandbox } from "../sandbox.js";

const asRoot = process.geteuid?.() === 0;
const rootOnly = asRoot ? "" : " [skipped: only root refuses a file]";

describe("files that the environment names", () => {
  onlyInSandbox();

  let directory = "";
  let library = "";
  let executable = "";

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "wg-bridge-named-"));
    mkdirSync(join(directory, "open"));
    library = join(directory, "open", "library.so");
    executable = join(directory, "open", "program");
    cpSync(libraryPath({}), library);
    writeFileSync(executable, "#!/bin/sh\n", { mode: 0o755 });
  });

  afterEach(() => rmSync(directory, { recursive: true }));

  const look = () =>
    probe({ WIREGUARD_GO_BRIDGE_LIB_PATH: library, WIREGUARD_GO_EXECUTABLE: executable });

  async function assertRefused(why: RegExp): Promise<void> {
    const found = await look();
    for (const [variable, artifact] of [
      ["WIREGUARD_GO_BRIDGE_LIB_PATH", found.library],
      ["WIREGUARD_GO_EXECUTABLE", found.executable],
    ] as const) {
      assert.equal(artifact.problem?.code, "WG_BRIDGE_UNTRUSTED");
      assert.match(artifact.problem.message, why);
      assert.ok(artifact.problem.message.includes(`${variable} names ${artifact.path}`));
    }
  }

  it("are used if only root and this user can change them", async () => {
    assert.equal((await look()).library.problem, undefined);
    assert.equal((await look()).executable.problem, undefined);
  });

  it(`are refused to root if others may write them${rootOnly}`, async function () {
    if (!asRoot) this.skip();
    chmodSync(library, 0o666);
    chmodSync(executable, 0o775);
    await assertRefused(/open\/(library\.so|program) may be written by others/);
    chmodSync(library, 0o644);
    chmodSync(executable, 0o755);
    chmodSync(join(directory, "open"), 0o777);
    await assertRefused(/open may be written by others \(mode 777\).*install -m 755/);
  });

  it(`are refused to root behind a link too, and by a bare or relative name${rootOnly}`, async function () {
    if (!asRoot) this.skip();
    chmodSync(join(directory, "open"), 0o777);
    symlinkSync(library, join(directory, "link.so"));
    const named = [join(directory, "link.so"), relative(process.cwd(), library)];
    for (const path of named) {
      const found = await probe({ WIREGUARD_GO_BRIDGE_LIB_PATH: path });
      assert.equal(found.library.problem?.code, "WG_BRIDGE_UNTRUSTED");
    }
    const env = { PATH: join(directory, "open"), WIREGUARD_GO_EXECUTABLE: "program" };
    assert.equal((await probe(env)).executable.problem?.code, "WG_BRIDGE_UNTRUSTED");
  });

  it(`are refused to root if another user owns them${skippedWithoutStranger}`, async function () {
    if (!hasStranger) this.skip();
    chownSync(library, stranger, 0);
    chownSync(executable, stranger, 0);
    await assertRefused(/belongs to user 12345/);
  });

  it(`make auto use the other backend, and say why${rootOnly}`, async function () {
    if (!asRoot) this.skip();
    chmodSync(library, 0o666);
    const choice = choose("auto", await look());
    assert.equal(choice.backend, "exec");
    assert.match(choice.reason, /which root does not run: .* may be written by others/);
  });

  it("are trusted as they are inside the package", () => {
    for (const path of [libraryPath({}), executablePath({})]) requireTrustedFile(path, "VARIABLE");
  });

  it("are never searched for by the dynamic loader", async () => {
    assert.equal(
      (await probe({ WIREGUARD_GO_BRIDGE_LIB_PATH: "libc.so.6" })).library.path,
      "./libc.so.6",
    );
  });
});
