// Userspace tunnels and the commands that make them, in containers that give a program nothing: no capability, no
// /dev/net/tun, no files to write, Docker's own filter of system calls.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { onlyInSandbox } from "../sandbox.js";
import { Container, type ContainerOptions, tmpfs } from "./container.js";
import { missingTool } from "./missing-tool.js";
import { type ImageFiles, makeNodeImage } from "./node-image.js";
import { validatorMark } from "./validators.js";

/** Of /app/node_modules in the container: one of this checkout's programs. */
const program = "/app/node_modules/wg-bridge/dist/test/userspace/program.js";

const user = 65_534;
const mark = validatorMark || missingTool("crun");

describe(`a userspace tunnel in a container without any rights${mark}`, function () {
  onlyInSandbox();
  this.timeout(120_000);

  let directory: string;
  let image: ImageFiles;
  let containers = 0;
  before(function () {
    if (mark !== "") this.skip();
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-userspace-`);
    image = makeNodeImage(`${directory}/image`);
  });
  after(() => {
    if (directory !== undefined) rmSync(directory, { recursive: true });
  });

  /** Runs a command in a container whose files it cannot change, and resolves with what it printed and its code. */
  async function run(
    args: readonly string[],
    more: Pick<ContainerOptions, "env" | "mounts"> = {},
  ): Promise<{ readonly output: string; readonly code: number | null }> {
    await using container = Container.run(directory, `userspace-${++containers}`, {
      root: image.root,
      args,
      ...(more.env && { env: more.env }),
      user,
      capabilities: [],
      noNewPrivileges: true,
      readOnlyRoot: true,
      mounts: [...image.mounts, ...(more.mounts ?? [])],
      tun: false,
    });
    const code = await container.exited();
    return { output: container.output, code };
  }

  for (const backend of ["exec", "ffi"] as const) {
    const open = ["node", program, backend, "close"];

    it(`works on ${backend} with a directory for temporary files alone`, async () => {
      const mounts = [tmpfs("/tmp", user)];
      assert.deepEqual(await run(open, { mounts }), { output: "through\n", code: 0 });
    });

    it(`works on ${backend} with XDG_RUNTIME_DIR alone`, async () => {
      const [mounts, env] = [[tmpfs("/run", user)], { XDG_RUNTIME_DIR: "/run" }];
      assert.deepEqual(await run(open, { mounts, env }), { output: "through\n", code: 0 });
    });

    it(`says on ${backend} that it needs a directory, and how to give it one`, async () => {
      const { output, code } = await run(open);
      assert.equal(code, 1);
      assert.match(output, /XDG_RUNTIME_DIR|TMPDIR/);
      assert.match(output, /read-only file system|EROFS/);
    });
  }

  it("is what wg-bridge demo shows, on both backends", async () => {
    const { output, code } = await run(["wg-bridge", "demo"], { mounts: [tmpfs("/tmp", user)] });
    assert.equal(code, 0, output);
    assert.match(output, /exec/);
    assert.match(output, /ffi/);
  });
});
