import assert from "node:assert/strict";
import {
  chmodSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { distrustOf } from "../src/trust.js";
import { hasStranger, skippedWithoutStranger, stranger } from "./other-user.js";
import { onlyInSandbox } from "./sandbox.js";

const self = process.geteuid?.() ?? 0;

describe("a path", () => {
  onlyInSandbox();

  let above = "";
  let file = "";

  beforeEach(() => {
    above = mkdtempSync(join(tmpdir(), "wg-bridge-trust-"));
    mkdirSync(join(above, "directory"), { mode: 0o755 });
    file = join(above, "directory", "file");
    writeFileSync(file, "", { mode: 0o644 });
  });

  afterEach(() => rmSync(above, { recursive: true }));

  /** Moves the directory away and leaves a relative link to it. */
  function link(): void {
    renameSync(join(above, "directory"), join(above, "target"));
    symlinkSync("./target", join(above, "directory"));
  }

  function answer(last: "sockets" | "file" = "file"): string | undefined {
    const found = distrustOf(last === "file" ? file : join(above, "directory"), last);
    return found && `${found.path.slice(above.length)} ${found.why}. ${found.remedy}`;
  }

  it("is trusted if it is a file of this user, however it is reached", () => {
    assert.equal(answer(), undefined);
    chmodSync(above, 0o1777);
    assert.equal(answer(), undefined);
    link();
    assert.equal(answer(), undefined);
  });

  it("is trusted if it does not exist", () => {
    rmSync(file);
    assert.equal(answer(), undefined);
    assert.equal(distrustOf(`${file}/below`, "file"), undefined);
  });

  it("is not trusted if it is a file that its group or others may write", () => {
    for (const mode of [0o664, 0o646]) {
      chmodSync(file, mode);
      assert.match(answer() ?? "", /^\/directory\/file may be written by others \(mode 6(64|46)\)/);
    }
  });

  it("is not trusted in or below a directory that others may write, unless that is sticky", () => {
    chmodSync(join(above, "directory"), 0o777);
    assert.match(answer() ?? "", /^\/directory may be written by others \(mode 777\)/);
    chmodSync(join(above, "directory"), 0o1777);
    assert.equal(answer(), undefined);
    chmodSync(above, 0o775);
    assert.match(answer() ?? "", /^ may be written by others \(mode 775\).*chmod go-w \/tmp/);
  });

  it("is not trusted if it is a directory of sockets that others may write, even if sticky", () => {
    assert.equal(answer("sockets"), undefined);
    chmodSync(join(above, "directory"), 0o1777);
    assert.match(answer("sockets") ?? "", /^\/directory may be written by others \(mode 1777\)/);
  });

  it(`is not trusted if another user owns it${skippedWithoutStranger}`, function () {
    if (!hasStranger) this.skip();
    for (const path of [file, join(above, "directory"), above]) {
      lchownSync(path, stranger, self);
      assert.match(answer() ?? "", /belongs to user 12345\. Run "chown root /);
      lchownSync(path, self, self);
    }
    lchownSync(join(above, "directory"), stranger, self);
    assert.match(answer("sockets") ?? "", /^\/directory belongs to user 12345/);
    assert.equal(distrustOf(file, "file", stranger), undefined, "that user's own");
  });

  it(`is not trusted behind another user's link${skippedWithoutStranger}`, function () {
    if (!hasStranger) this.skip();
    link();
    lchownSync(join(above, "directory"), stranger, self);
    assert.match(answer() ?? "", /^\/directory belongs to user 12345\. Remove that link/);
    lchownSync(join(above, "directory"), self, self);
    lchownSync(join(above, "target"), stranger, self);
    assert.match(answer("sockets") ?? "", /^\/target belongs to user 12345/);
  });

  it("is trusted if links lead in a circle", () => {
    symlinkSync("circle", join(above, "circle"));
    assert.equal(distrustOf(join(above, "circle"), "file"), undefined);
  });
});
