// Prints parts of the packages, and what is wrong with them, for scripts/platform-packages and test/package.sh, which
// run it in the checkout's directory:
//
//   main.js programs ARCH      the paths of the programs in its package, a line each
//   main.js manifest [ARCH]    the package.json of the main package, or of a processor's; the main one without the
//                              engines with --without-engines
//   main.js declarations DIR   the declarations in the main package, of all those below DIR, a line each
//   main.js inspect DIR [ARCH] what is wrong with the main package in DIR, or with a processor's; then it exits with 1
//   main.js scripts DIR        the packages below DIR that have install scripts; if there is one, it exits with 1
//   main.js sbom               standard input, a bill of materials, as it is published
import { readFileSync } from "node:fs";
import { type EntryPoints, neededDeclarations } from "./declarations.js";
import { findInstallScripts, problemsOfEngine, problemsOfMain } from "./inspect.js";
import { type Lock, type Manifest, mainManifest, platformManifest } from "./manifests.js";
import { type Platform, programsOf } from "./platforms.js";
import { reproducible, withModules } from "./sbom.js";

const platforms: readonly Platform[] = JSON.parse(readFileSync("packages/platforms.json", "utf8"));

function findPlatform(arch: string): Platform {
  const found = platforms.find((platform) => platform.arch === arch);
  if (found === undefined) throw new Error(`packages/platforms.json does not list ${arch}.`);
  return found;
}

function readCheckout(): Manifest & EntryPoints {
  return JSON.parse(readFileSync("package.json", "utf8"));
}

function manifest(arch: string | undefined): object {
  const checkout = readCheckout();
  if (arch === undefined) return mainManifest(checkout, platforms);
  if (arch === "--without-engines") return mainManifest(checkout, []);
  const lock: Lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
  return platformManifest(checkout, lock, findPlatform(arch));
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

function inspect(directory: string, arch: string | undefined): readonly string[] {
  if (arch === undefined) return problemsOfMain(directory);
  const [, toolchain = "none"] = /^toolchain (\S+)$/m.exec(readFileSync("go.mod", "utf8")) ?? [];
  return problemsOfEngine(directory, findPlatform(arch), toolchain);
}

function report(problems: readonly string[]): void {
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}

const [command, argument, arch] = process.argv.slice(2);
if (command === "programs" && argument !== undefined) {
  for (const program of programsOf(findPlatform(argument))) console.log(program);
} else if (command === "manifest") {
  print(manifest(argument));
} else if (command === "declarations" && argument !== undefined) {
  for (const file of neededDeclarations(argument, readCheckout())) console.log(file);
} else if (command === "inspect" && argument !== undefined) {
  report(inspect(argument, arch));
} else if (command === "scripts" && argument !== undefined) {
  report(findInstallScripts(argument));
} else if (command === "sbom") {
  print(reproducible(withModules(JSON.parse(readFileSync(0, "utf8"))), readCheckout().name));
} else {
  throw new Error(`There is no command ${command}.`);
}
