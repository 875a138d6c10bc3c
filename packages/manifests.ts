import { koffiName, type Platform, packageName } from "./platforms.js";

/** What the manifests of the published packages need of the checkout's package.json. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** A package-lock.json. */
export interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>;
}

/** What only a checkout needs. */
const ownFields = ["private", "scripts", "devDependencies"];
/** What the packages of one project have in common, as far as its package.json says it. */
const sharedFields = ["license", "author", "homepage", "repository", "bugs", "funding"];

/**
 * The published package.json of the main package. Its version is also that of the engine's packages, of which npm
 * installs the one for the machine.
 */
export function mainManifest(checkout: Manifest, platforms: readonly Platform[]): object {
  const { build } = checkout.scripts;
  if (build === undefined) throw new Error("package.json has no script build.");
  const kept = Object.entries(checkout).filter(([field]) => !ownFields.includes(field));
  const engines = platforms.map((platform) => [packageName(platform), checkout.version]);
  return {
    ...Object.fromEntries(kept),
    scripts: { build },
    optionalDependencies: Object.fromEntries(engines),
  };
}

/** The published package.json of the engine's package for a processor. */
export function platformManifest(checkout: Manifest, lock: Lock, platform: Platform): object {
  const shared = Object.entries(checkout).filter(([field]) => sharedFields.includes(field));
  return {
    name: packageName(platform),
    version: checkout.version,
    description: `The engine of ${checkout.name} for Linux on ${platform.arch}`,
    ...Object.fromEntries(shared),
    os: ["linux"],
    cpu: [platform.arch],
    // Yarn's Plug'n'Play otherwise leaves the programs inside an archive, where nothing can run them.
    preferUnplugged: true,
    files: ["bin", "lib", "third-party-licenses.txt", "sbom.cdx.json"],
    ...(platform.library && {
      dependencies: { [koffiName(platform)]: lockedVersion(lock, koffiName(platform)) },
    }),
    publishConfig: { access: "public" },
  };
}

function lockedVersion(lock: Lock, name: string): string {
  const version = lock.packages[`node_modules/${name}`]?.version;
  if (version === undefined) throw new Error(`package-lock.json does not contain ${name}.`);
  return version;
}
