import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { bundled, version } from "../artifacts.js";
import { messageOf, WgBridgeError } from "../errors.js";
import { type EngineFile, enginePackage } from "./files.js";
import { reinstall } from "./remedy.js";

/**
 * Checks that a packaged file is of this package's release: two packages that are installed one by one, or copied, may
 * be of two.
 * @throws WgBridgeError WG_BRIDGE_ENGINE_VERSION
 */
export function requireOwnRelease(file: EngineFile): void {
  if (file.origin !== "packaged") return;
  const found = versionIn(file.manifest);
  if (found === version) return;
  const wanted = bundled ? enginePackage : "wg-bridge";
  throw new WgBridgeError(
    "WG_BRIDGE_ENGINE_VERSION",
    `wg-bridge is ${version}, and ${enginePackage} in ${dirname(file.manifest)} is ${found}: only packages of one release fit together. Run "npm install ${wanted}@${version}".`,
  );
}

function versionIn(manifest: string): unknown {
  try {
    const { version }: { readonly version?: unknown } = JSON.parse(readFileSync(manifest, "utf8"));
    return version;
  } catch (error) {
    throw new WgBridgeError(
      "WG_BRIDGE_ENGINE_VERSION",
      `The version of ${enginePackage} cannot be read (${messageOf(error)}). ${reinstall}`,
      { cause: error },
    );
  }
}
