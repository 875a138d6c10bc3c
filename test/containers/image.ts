import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
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

/** The two processors that are built here: Node's name, and Go's, which OCI uses. */
export const processors = { x64: "amd64", arm64: "arm64" } as const;
export const own = process.arch === "arm64" ? "arm64" : "x64";
export const foreign = own === "x64" ? "arm64" : "x64";

/** Why images cannot be unpacked here, or "". */
export const unpackMark = missingTool("umoci") || withoutUsers();

/** An image has files of several users. */
function withoutUsers(): string {
  const ranges = readFileSync("/proc/self/uid_map", "utf8").trim().split("\n");
  const users = ranges.reduce((sum, range) => sum + Number(range.trim().split(/\s+/)[2]), 0);
  return users >= 2 ** 16 ? "" : " [skipped: there is only one user here, since this is not root]";
}

/** Makes the directory of a package with what goes into the image. */
export function makePackage(directory: string, processor: keyof typeof processors): string {
  const path = `${directory}/${processor}`;
  mkdirSync(`${path}/bin`, { recursive: true });
  const executable = `${path}/bin/wireguard-go`;
  if (processor === own) {
    copyFileSync(`${packageRoot}/build/wireguard-go`, executable);
  } else {
    const env = { ...process.env, GOARCH: processors[processor] };
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

/** Unpacks the image for one processor by umoci; returns the directory of its files. */
export function unpack({ layout }: Image, to: string, processor: keyof typeof processors): string {
  const reference = `${layout}:${version}-${processors[processor]}`;
  execFileSync("umoci", ["unpack", "--image", reference, to], { stdio: "pipe" });
  return `${to}/rootfs`;
}

/** Names the image for all processors as skopeo does. */
export function skopeoName({ layout }: Image): string {
  return `oci:${layout}:${version}`;
}
