import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

/** What the tests read of a package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** One version of a package, as a registry serves it. */
export interface Publication {
  readonly manifest: Manifest;
  readonly tarball: Buffer;
}

/** Larger than any tarball here, in bytes. */
const maxBuffer = 64 << 20;

export function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(`${directory}/package.json`, "utf8"));
}

/** Reads a tarball that npm packed. */
export function readTarball(path: string): Publication {
  const words = ["-xzOf", path, "package/package.json"];
  const manifest: Manifest = JSON.parse(execFileSync("tar", words, { encoding: "utf8" }));
  return { manifest, tarball: readFileSync(path) };
}

/** Packs a package that is installed in this checkout. */
export function packDirectory(directory: string): Publication {
  const words = ["-cz", "--exclude=./node_modules", "--transform=s,^[.],package,", "-C", directory];
  const tarball = execFileSync("tar", [...words, "."], { maxBuffer });
  return { manifest: readManifest(directory), tarball };
}

/** Packs a package.json alone: a package whose files nobody here needs. */
export function packManifest(manifest: Manifest): Publication {
  return inDirectory((directory) => {
    writeFileSync(`${directory}/package.json`, JSON.stringify(manifest));
    return packDirectory(directory);
  });
}

/** Packs the same files with another package.json. */
export function repack(publication: Publication, changes: Partial<Manifest>): Publication {
  return inDirectory((directory) => {
    unpack(publication, directory);
    writeFileSync(
      `${directory}/package.json`,
      JSON.stringify({ ...publication.manifest, ...changes }),
    );
    return packDirectory(directory);
  });
}

/** Unpacks a package, as installers do. */
export function unpack({ tarball }: Publication, directory: string): void {
  mkdirSync(directory, { recursive: true });
  execFileSync("tar", ["-xz", "--strip-components=1", "-C", directory], { input: tarball });
}

/** SHA-512 as package managers write it. */
export function integrityOf(bytes: Buffer): string {
  return `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
}

function inDirectory<T>(use: (directory: string) => T): T {
  const directory = mkdtempSync(`${tmpdir()}/publication-`);
  try {
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
