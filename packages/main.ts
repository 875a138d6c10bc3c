// Prints parts of the packages, for scripts/platform-packages, which runs it in the checkout's directory:
//
//   main.js arches             each processor of platforms.json, a line each
//   main.js programs ARCH      the paths of the programs in its package, a line each
//   main.js manifest [ARCH]    the package.json of the main package, or of a processor's
//   main.js declarations DIR   the declarations in the main package, of all those below DIR, a line each
//   main.js sbom               standard input, a bill of materials, in its reproducible form
import { readFileSync } from "node:fs";
import { type EntryPoints, neededDeclarations } from "./declarations.js";
import { type Lock, type Manifest, mainManifest, platformManifest } from "./manifests.js";
import { type Platform, programsOf } from "./platforms.js";
import { reproducible } from "./sbom.js";

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
  const lock: Lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
  return platformManifest(checkout, lock, findPlatform(arch));
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

const [command, argument] = process.argv.slice(2);
if (command === "arches") {
  for (const { arch } of platforms) console.log(arch);
} else if (command === "programs" && argument !== undefined) {
  for (const program of programsOf(findPlatform(argument))) console.log(program);
} else if (command === "manifest") {
  print(manifest(argument));
} else if (command === "declarations" && argument !== undefined) {
  for (const file of neededDeclarations(argument, readCheckout())) console.log(file);
} else if (command === "sbom") {
  print(reproducible(JSON.parse(readFileSync(0, "utf8")), readCheckout().name));
} else {
  throw new Error(`There is no command ${command}.`);
}
