import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { onlyInSandbox } from "../sandbox.js";
import { BareTree } from "./bare-tree.js";

const basics = ["awk", "bash", "dirname", "env", "flock", "head", "mkdir", "sort", "uname"];

const newGo = '[ "$1 $2" = "env CC" ] && echo gcc || echo go1.26.3';

describe("scripts/setup, before it changes anything,", () => {
  onlyInSandbox();

  let tree: BareTree;
  const setUp = () => tree.run("scripts/setup");

  beforeEach(async () => {
    tree = await BareTree.make(["scripts/setup", "go.mod"], basics);
    await tree.addProgram("node", "echo v20.19.0");
    await tree.addProgram("go", newGo);
    await tree.addProgram("gcc", "exit 1");
    await tree.addProgram("npm", "exit 1");
  });
  afterEach(() => tree.remove());

  it("accepts the oldest supported Node.js and Go", async () => {
    assert.match((await setUp()).stderr, /scripts\/setup-packages: No such file/);
  });

  it("requires a newer Node.js", async () => {
    await tree.addProgram("node", "echo v20.9.1");
    const { status, stderr } = await setUp();
    assert.match(stderr, /^Node\.js v20\.9\.1 is too old: install 20\.19\.0 or newer, .*\n$/);
    assert.equal(status, 1);
  });

  it("requires a newer Go", async () => {
    await tree.addProgram(
      "go",
      '[ "$1" = version ] && echo go version go1.19.8 linux/amd64 || echo go1.19.8',
    );
    const { status, stderr } = await setUp();
    assert.match(
      stderr,
      /^Go is too old, go version go1\.19\.8 .*: install 1\.26\.3 or newer, .*\n$/,
    );
    assert.equal(status, 1);
  });

  it("requires a newer Go if this one may not download it", async () => {
    await tree.addProgram(
      "go",
      '[ "$1" = version ] && echo go version go1.24.0 linux/amd64 || exit 1',
    );
    assert.match((await setUp()).stderr, /^Go is too old, go version go1\.24\.0 /);
  });

  it("says what to do if Go cannot fetch the toolchain that go.mod names", async () => {
    await tree.addProgram(
      "go",
      '[ "$1" = version ] && echo go version go1.26.3 linux/amd64 || exit 1',
    );
    assert.match((await setUp()).stderr, /^Go cannot fetch .*GOTOOLCHAIN=local\.\n$/);
  });

  for (const [program, name] of [
    ["node", "Node.js"],
    ["npm", "npm"],
    ["go", "Go"],
    ["gcc", "The C compiler gcc"],
  ] as const) {
    it(`requires ${program} in one sentence if it is missing`, async () => {
      await rm(`${tree.root}/bin/${program}`);
      const { status, stdout, stderr } = await setUp();
      assert.match(stderr, new RegExp(`^${name} is not installed: .*\\n$`));
      assert.equal(stdout, "");
      assert.equal(status, 1);
    });
  }
});
