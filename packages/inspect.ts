import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { compareVersions, readNeeds } from "./elf.js";
import { executableFiles, libraryFile, type Platform, programsOf } from "./platforms.js";

/** The newest version of glibc that a library may need: that of RHEL 7 and Amazon Linux 2. */
const newestGlibc = "2.17";
/** The parts of glibc that a library may need: a libresolv or libgcc_s is not everywhere. */
const glibcLibraries = /^(libc\.so\.6|libpthread\.so\.0|ld-linux-.*\.so\.\d)$/;

/** What an installer runs, or warns of. */
const installScripts = ["preinstall", "install", "postinstall"];

/** Returns what is wrong with a program, each a sentence. */
export function problemsOfProgram(path: string, { arch }: Platform): readonly string[] {
  const needs = readNeeds(path);
  const problems: string[] = [];
  if (needs.arch !== arch) problems.push(`${path} is for ${needs.arch}, not for ${arch}.`);
  if (needs.executableStack) problems.push(`${path} has an executable stack.`);
  if (executableFiles.some((file) => path.endsWith(file))) {
    if (needs.loader || needs.libraries.length > 0) {
      problems.push(`${path} is not static: it needs ${needs.libraries.join(", ")}.`);
    }
    return problems;
  }
  const foreign = needs.libraries.filter((name) => !glibcLibraries.test(name));
  if (foreign.length > 0) problems.push(`${path} needs ${foreign.join(", ")}.`);
  const newest = needs.glibc.at(-1);
  if (newest === undefined) problems.push(`${path} names no version of glibc.`);
  else if (compareVersions(newest, newestGlibc) > 0) {
    problems.push(`${path} needs GLIBC_${newest}, and may need GLIBC_${newestGlibc} at most.`);
  }
  return problems;
}

/** Returns what is wrong with the engine's package for a processor, which is in `directory`. */
export function problemsOfEngine(
  directory: string,
  platform: Platform,
  toolchain: string,
): readonly string[] {
  const expected = [
    "-rw-r--r-- LICENSE",
    "-rw-r--r-- README.md",
    ...executableFiles.map((file) => `-rwxr-xr-x ${file}`),
    ...(platform.library ? [`-rw-r--r-- ${libraryFile}`] : []),
    "-rw-r--r-- package.json",
    "-rw-r--r-- sbom.cdx.json",
    "-rw-r--r-- third-party-licenses.txt",
  ];
  const files = filesOf(directory);
  const found = files.map((file) => `${modeOf(join(directory, file))} ${file}`);
  const problems = [
    ...expected.filter((line) => !found.includes(line)).map((line) => `It has no ${line}.`),
    ...found.filter((line) => !expected.includes(line)).map((line) => `It contains ${line}.`),
  ];
  if (problems.length > 0) return problems;

  const licenses = readFileSync(join(directory, "third-party-licenses.txt"), "utf8");
  const sbom = readFileSync(join(directory, "sbom.cdx.json"), "utf8");
  for (const program of programsOf(platform)) {
    const path = join(directory, program);
    problems.push(...problemsOfProgram(path, platform));
    const build = execFileSync("go", ["version", "-m", path], { encoding: "utf8" });
    if (!build.startsWith(`${path}: ${toolchain}\n`)) {
      problems.push(`${path} was not built by ${toolchain}.`);
    }
    for (const [, module, version] of build.matchAll(/^\tdep\t(\S+)\t(\S+)/gm)) {
      if (!licenses.includes(`\n${module} ${version}\n=`)) {
        problems.push(`The licence of ${module} ${version} is missing.`);
      }
      if (!sbom.includes(`"pkg:golang/${module}@${version}?`)) {
        problems.push(`The bill of materials does not list ${module} ${version}.`);
      }
    }
    const bytes = readFileSync(path);
    for (const place of [process.cwd(), process.env.HOME]) {
      if (place !== undefined && place !== "/" && bytes.includes(`${place}/`)) {
        problems.push(`${path} contains the path ${place} of the machine that built it.`);
      }
    }
  }
  return problems;
}

/** Returns what is wrong with the main package, which is in `directory`. */
export function problemsOfMain(directory: string): readonly string[] {
  const files = filesOf(directory);
  const problems = files
    .filter((file) =>
      /(^|\/)(test|node_modules|bench)\/|netns|_test\.go$|\.tsbuildinfo$|\.map$/.test(file),
    )
    .map((file) => `It contains ${file}.`);
  for (const file of files) {
    const path = join(directory, file);
    if (readFileSync(path).subarray(0, 4).equals(Buffer.from("\x7fELF"))) {
      problems.push(`It contains ${file}, a program.`);
    }
  }
  const { dependencies }: { readonly dependencies: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(join(directory, "package.json"), "utf8"),
  );
  const sbom = readFileSync(join(directory, "sbom.cdx.json"), "utf8");
  for (const [name, version] of Object.entries(dependencies)) {
    if (!sbom.includes(`"pkg:npm/${name}@${version}"`)) {
      problems.push(`The bill of materials does not list ${name} ${version}.`);
    }
  }
  return problems;
}

/** Returns the packages below a directory that run scripts when they are installed, each with what it runs. */
export function findInstallScripts(directory: string): readonly string[] {
  return filesOf(directory).flatMap((file) => {
    // npm compiles a package that has this file, without any script.
    if (basename(file) === "binding.gyp") return [`${file} makes npm run node-gyp.`];
    if (basename(file) !== "package.json") return [];
    const manifest: { readonly scripts?: Readonly<Record<string, string>> } = JSON.parse(
      readFileSync(join(directory, file), "utf8"),
    );
    return Object.entries(manifest.scripts ?? {})
      .filter(([name]) => installScripts.includes(name))
      .map(([name, script]) => `${file} runs ${name}: ${script}`);
  });
}

function filesOf(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((file) => !statSync(join(directory, file)).isDirectory())
    .sort();
}

/** Returns a file's mode as ls(1) prints it. */
function modeOf(path: string): string {
  const { mode } = statSync(path);
  const letters = Array.from("rwxrwxrwx", (letter, index) =>
    mode & (0o400 >> index) ? letter : "-",
  );
  return `-${letters.join("")}`;
}
