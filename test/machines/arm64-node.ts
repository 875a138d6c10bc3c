// node arm64-node.js [NODE-VERSION]: both backends of the packages on arm64, by qemu-user.
import { mkdir, rm, symlink } from "node:fs/promises";
import { packageRoot } from "../../src/artifacts.js";
import { runProgram } from "./program.js";
import { Project, pathFrom, pinger } from "./project.js";

const [version = "24"] = process.argv.slice(2);
const node = pathFrom("node", version, "arm64");
process.env.QEMU_LD_PREFIX = await linkLibraries(pathFrom("bullseye", "arm64"));
await using project = await Project.make("arm64");
process.exitCode = await runProgram(
  "test/machines/emulated.sh",
  "scripts/sandbox",
  node,
  `${project.directory}/${pinger}`,
);

/**
 * Makes a directory in which qemu-user finds arm64's libraries, and nothing else: what exists there hides this machine's
 * own, such as /var/run.
 */
async function linkLibraries(debian: string): Promise<string> {
  const directory = `${packageRoot}/build/machines/libraries-arm64`;
  await rm(directory, { recursive: true, force: true });
  await mkdir(`${directory}/usr`, { recursive: true });
  await symlink(`${debian}/root/lib`, `${directory}/lib`);
  await symlink(`${debian}/root/usr/lib`, `${directory}/usr/lib`);
  return directory;
}
