import { buildCommand } from "../artifacts.js";
import { lazily } from "../descriptors.js";
import { WgBridgeError } from "../errors.js";

const semver = lazily(() => import("semver/functions/satisfies.js"));

/** The version of the library's C interface that this package is written for. */
export const abiVersion = "1.1.0";

/** What to do about a library of another release. */
const rebuild = `Build this package's with "${buildCommand}", or name another with WIREGUARD_GO_BRIDGE_LIB_PATH.`;

/**
 * Checks that a library's C interface is compatible by semantic versioning: the same major version,
 * and no older.
 * @throws WgBridgeError WG_BRIDGE_LIBRARY_ABI
 */
export async function checkAbi(path: string, found: string, remedy = rebuild): Promise<void> {
  if (found === abiVersion) return;
  const { default: satisfies } = await semver();
  if (satisfies(found, `^${abiVersion}`)) return;
  throw new WgBridgeError(
    "WG_BRIDGE_LIBRARY_ABI",
    `The library ${path} has ABI version ${JSON.stringify(found)}, and this package needs ^${abiVersion}: they are of different releases. ${remedy}`,
  );
}
