import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { StationDirectory } from "../../src/station/directory.js";

describe("the directory of a station", () => {
  let parent = "";

  beforeEach(() => {
    parent = mkdtempSync(`${tmpdir()}/stations-`);
  });

  afterEach(() => rmSync(parent, { recursive: true }));

  const make = () => StationDirectory.make({ XDG_RUNTIME_DIR: parent });

  it("is this user's alone, and says whose it is", () => {
    const directory = make();
    const [name = ""] = readdirSync(parent);
    assert.equal(directory.path, `${parent}/${name}/station`);
    assert.match(name, new RegExp(`^wg-bridge-\\d+-${process.pid}-\\d+-[A-Za-z0-9]{6}$`));
    assert.equal(statSync(`${parent}/${name}`).mode & 0o777, 0o700);
    writeFileSync(directory.path, "");
    directory.remove();
    assert.deepEqual(readdirSync(parent), []);
    directory.remove();
  });

  it("is swept once its owner is gone, and only then", () => {
    const living = make();
    const [name = ""] = readdirSync(parent);
    const earlier = name.replace(/-(\d+)-(\w{6})$/, "-1-Earli1"); // of the same process number, before
    const elsewhere = name.replace(/^wg-bridge-\d+/, "wg-bridge-12"); // of another pid namespace
    const foreign = ["wg-bridge-mine", "something"];
    for (const one of [earlier, elsewhere, ...foreign]) mkdirSync(`${parent}/${one}`);
    writeFileSync(`${parent}/${earlier}/station`, "");
    const other = make();
    assert.equal(existsSync(`${parent}/${earlier}`), false);
    for (const one of [name, elsewhere, ...foreign]) assert.ok(existsSync(`${parent}/${one}`), one);
    for (const directory of [living, other]) directory.remove();
  });

  it("is made elsewhere if users could replace it, or its path is too long", () => {
    chmodSync(parent, 0o777);
    const elsewhere = make();
    assert.deepEqual(readdirSync(parent), []);
    elsewhere.remove();
    chmodSync(parent, 0o755);
    const long = `${parent}/${"x".repeat(80)}`;
    mkdirSync(long);
    StationDirectory.make({ XDG_RUNTIME_DIR: long }).remove();
    assert.deepEqual(readdirSync(long), []);
    StationDirectory.make({ XDG_RUNTIME_DIR: `${parent}/missing` }).remove();
    StationDirectory.make({ XDG_RUNTIME_DIR: "relative" }).remove();
    const named = StationDirectory.make({ XDG_RUNTIME_DIR: `${parent}/missing`, TMPDIR: parent });
    assert.equal(
      readdirSync(parent).some((name) => named.path.startsWith(`${parent}/${name}/`)),
      true,
    );
    named.remove();
  });

  it("says what to do if there is no place for one", () => {
    assert.throws(() => StationDirectory.make({}, ["/proc", `${parent}/missing`]), {
      code: "WG_BRIDGE_SOCKET_DIRECTORY",
      message: /needs a directory for its socket.*XDG_RUNTIME_DIR or TMPDIR.*emptyDir/s,
    });
  });
});
