// node git-tree.js: fails unless everything is committed, and nobody has used this version's tag.
import { execFileSync } from "node:child_process";
import { packageRoot } from "../../src/artifacts.js";
import { version } from "./published.js";

const git = (...args: readonly string[]) =>
  execFileSync("git", args, { cwd: packageRoot, encoding: "utf8" }).trimEnd();

const changed = git("status", "--porcelain");
const tag = `v${version}`;
if (changed !== "") {
  console.log(`${changed}\nNot everything is committed.`);
  process.exitCode = 1;
} else if (git("tag", "--list", tag) !== "") {
  console.log(`The tag ${tag} is there: the version in package.json has been released.`);
  process.exitCode = 1;
}
