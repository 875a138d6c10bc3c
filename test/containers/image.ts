import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";
import { missingTool } from "./missing-tool.js";

/** The engine's image, made of this checkout's executable for this processor and for another. */
export interface Image {
  /** In the OCI image layout. */
  readonly layout: string;
  /** What the script printed. */
  readonly output: string;
}

const { version } = JSON.parse(readFileSync(`${packageRoot}/package.json`, "utf8"));

/** OCI's names, which are Go's, of the two processors whose images are built here. */
const architectures = { x64: "amd64", arm64: "arm64" } as const;
const own = process.arch === "arm64" ? "arm64" : "x64";
const foreign = own === "x64" ? "arm64" : "x64";
export const ownArchitecture = architectures[own];

/** A directory of scripts/platform-packages; without it, this checkout's executable is packed. */
const given = process.env.WG_BRIDGE_PACKAGES;

/** Why a container cannot have users of its own here, as a mark that skips its test; or "". */
export const usersMark = withoutUsers();

/** Why images, which have files of several users, cannot be unpacked here; or "". */
export const unpackMark = missingTool("umoci") || usersMark;

function withoutUsers(): string {
  const ranges = readFileSync("/proc/self/uid_map", "utf8").trim().split("\n");
  const users = ranges.reduce((sum, range) => sum + Number(range.trim().split(/\s+/)[2]), 0);
  return users >= 2 ** 16 ? "" : " [skipped: there is only one user here, since this is not root]";
}

/** Returns the directories of what goes into an image for several processors. */
export function makePackages(directory: string): readonly string[] {
  if (given === undefined) return [makeOwnPackage(directory), makePackage(directory, foreign)];
  const all = readdirSync(given).map((name) => `${given}/${name}`);
  return all.filter((path) => existsSync(`${path}/bin/wireguard-go`));
}

/** Returns the directory of what goes into an image for this processor. */
export function makeOwnPackage(directory: string): string {
  return given === undefined ? makePackage(directory, own) : `${given}/${own}`;
}

function makePackage(directory: string, processor: keyof typeof architectures): string {
  const path = `${directory}/${processor}`;
  mkdirSync(`${path}/bin`, { recursive: true });
  const executable = `${path}/bin/wireguard-go`;
  if (processor === own) {
    copyFileSync(`${packageRoot}/build/wireguard-go`, executable);
  } else {
    const env = { ...process.env, GOARCH: architectures[processor] };
    execFileSync(`${packageRoot}/scripts/build-go`, ["executable", executable], { env });
  }
  copyFileSync(`${packageRoot}/LICENSE`, `${path}/LICENSE`);
  // In place of the list that scripts/licenses makes for a package.
  copyFileSync(`${packageRoot}/LICENSE`, `${path}/third-party-licenses.txt`);
  return path;
}

/** Builds an image in a new directory. */
export function buildImage(layout: string, packages: readonly string[]): Image {
  const script = `${packageRoot}/containers/build-image.mjs`;
  return { layout, output: execFileSync(script, [layout, ...packages], { encoding: "utf8" }) };
}

/** Returns the processors that an image is for. */
export function architecturesOf({ output }: Image): readonly string[] {
  const lines = output.trim().split("\n");
  return lines.slice(0, -1).map((line) => line.split("  ")[1] ?? "");
}

/** Unpacks the image for one processor by umoci; returns the directory of its files. */
export function unpack({ layout }: Image, to: string, architecture: string): string {
  const reference = `${layout}:${version}-${architecture}`;
  execFileSync("umoci", ["unpack", "--image", reference, to], { stdio: "pipe" });
  return `${to}/rootfs`;
}

/** Names the image for all processors as skopeo does. */
export function skopeoName({ layout }: Image): string {
  return `oci:${layout}:${version}`;
}
