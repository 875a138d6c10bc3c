import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { satisfies } from "semver";
import { packageRoot } from "../../src/artifacts.js";
import {
  integrityOf,
  type Manifest,
  type Publication,
  packDirectory,
  packManifest,
  readManifest,
  readTarball,
} from "./publication.js";
import { toolsDirectory } from "./tools.js";

/** Where scripts/platform-packages leaves its tarballs. */
const packed = `${packageRoot}/build/packages/tarballs`;

/** The package with the engine for this machine. */
export const platformPackage = `@wg-bridge/linux-${process.arch}`;

/** Another machine, whose package is built for these tests, too. */
export const otherMachine = "riscv64";

/** Whether the packages for all machines have been made. */
export const allPackages = process.env.WG_BRIDGE_ALL_PACKAGES === "1";

interface Locked extends Omit<Manifest, "name"> {
  readonly integrity: string;
}

/** What a registry needs, so that a project can install wg-bridge. */
export class Release {
  readonly publications: readonly Publication[];
  /** The platform packages that were not built, and so consist of a package.json. */
  readonly unbuilt: readonly string[];

  private constructor(publications: readonly Publication[], unbuilt: readonly string[]) {
    this.publications = publications;
    this.unbuilt = unbuilt;
  }

  /** Reads the packages that were packed, and packs what they depend on from this checkout. */
  static read(): Release {
    const { version } = readManifest(packageRoot);
    const tarballs = readdirSync(packed).filter((file) => file.endsWith(`-${version}.tgz`));
    const own = tarballs.map((file) => readTarball(`${packed}/${file}`));
    const all = new Map(own.map((each) => [each.manifest.name, each]));
    const main = find(own, "wg-bridge").manifest;
    const model = find(own, "@wg-bridge/linux-x64").manifest;
    const unbuilt = Object.keys(main.optionalDependencies ?? {}).filter((name) => !all.has(name));
    for (const name of unbuilt) {
      all.set(name, packManifest({ ...model, name, cpu: [archOf(name)], dependencies: {} }));
    }
    // What is added to a map while it is iterated is iterated, too: the dependencies of dependencies.
    for (const { manifest } of all.values()) {
      for (const [name, range] of Object.entries({
        ...manifest.dependencies,
        ...manifest.peerDependencies,
      })) {
        if (!all.has(name)) all.set(name, dependency(name, range));
      }
    }
    return new Release([...all.values()], unbuilt);
  }

  find(name: string): Publication {
    return find(this.publications, name);
  }
}

export function find(publications: readonly Publication[], name: string): Publication {
  const publication = publications.find(({ manifest }) => manifest.name === name);
  assert.ok(publication !== undefined, `${name} is not in ${packed}`);
  return publication;
}

/** Returns the processor of a platform package, as Node.js calls it. */
export function archOf(name: string): string {
  return name.replace(/^.*-/, "");
}

/** Packs a dependency that is installed here, or reads one for other machines that scripts/installers downloaded. */
function dependency(name: string, range: string): Publication {
  const directory = `${packageRoot}/node_modules/${name}`;
  if (existsSync(directory)) {
    const publication = packDirectory(directory);
    const { version } = publication.manifest;
    assert.ok(satisfies(version, range), `${name} ${version} is installed, and not ${range}`);
    return publication;
  }
  const file = readFileSync(`${packageRoot}/package-lock.json`, "utf8");
  const { packages }: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(file);
  const locked = packages[`node_modules/${name}`];
  assert.ok(locked !== undefined, `${name} is neither installed nor in package-lock.json`);
  const { integrity, ...manifest } = locked;
  const tarball = `${toolsDirectory}/${name.replace("@", "").replace("/", "-")}-${locked.version}.tgz`;
  if (!existsSync(tarball)) return packManifest({ name, ...manifest });
  const publication = readTarball(tarball);
  assert.equal(integrityOf(publication.tarball), integrity, tarball);
  return publication;
}
