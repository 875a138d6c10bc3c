import { packageRoot } from "./package-root.js";

export { packageRoot };

/** Environment variables, as in process.env. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where the library and the executable are. Electron packs files into app.asar, which only JavaScript can
 * read; its packagers leave named files beside it.
 */
const programs = `${packageRoot.replace("/app.asar/", "/app.asar.unpacked/")}/build`;

/** Builds library and executable from anywhere, in a checkout and in an installed package. */
export const buildCommand = `npm run build --prefix ${packageRoot}`;

/** The library: WIREGUARD_GO_BRIDGE_LIB_PATH, or the one that `npm run build` makes. */
export function libraryPath(env: Environment): string {
  return env.WIREGUARD_GO_BRIDGE_LIB_PATH || `${programs}/wireguard_go_bridge.so`;
}

/**
 * The executable: WIREGUARD_GO_EXECUTABLE, or the one that `npm run build` makes. A value without a
 * slash ("boringtun-cli") is a command to be found on PATH.
 */
export function executablePath(env: Environment): string {
  return env.WIREGUARD_GO_EXECUTABLE || `${programs}/wireguard-go`;
}

/** Upstream's own wireguard-go, built from the pinned module: a peer to compare with. */
export const upstreamExecutablePath = `${packageRoot}/build/upstream/wireguard-go`;

/** Runs a command in namespaces of its own. */
export const sandboxScript = `${packageRoot}/scripts/sandbox`;
