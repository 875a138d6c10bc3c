// node changelog.js: fails unless the changelog and the manual page say that this version is released, and when.
import { readFileSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";
import { changelogObstacle, manualObstacle } from "./dated.js";
import { version } from "./published.js";

const read = (path: string) => readFileSync(`${packageRoot}/${path}`, "utf8");
const obstacle =
  changelogObstacle(read("CHANGELOG.md"), version) ??
  manualObstacle(read("man/wg-bridge.1"), read("CHANGELOG.md"));
if (obstacle !== undefined) {
  console.log(obstacle);
  process.exitCode = 1;
}
