// node chroot.js [NODE-VERSION]: both backends of the packages on glibc 2.31, in a chroot of Debian 11.
import { runProgram } from "./program.js";
import { Project, pathFrom, pinger } from "./project.js";

const [version = "20"] = process.argv.slice(2);
const node = pathFrom("node", version, "x64");
const debian = pathFrom("bullseye", "x64");
await using project = await Project.make("x64");
const inRoot = ["test/machines/in-root.sh", `${debian}/root`, node, project.directory, pinger];
process.exitCode = await runProgram("scripts/sandbox", ...inRoot);
