import { fileURLToPath } from "node:url";

/** Environment variables, as in process.env. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The directory of wg-bridge's package.json. This file is dist/src/artifacts.js below it. */
export const packageRoot = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** The library: WIREGUARD_GO_BRIDGE_LIB_PATH, or the one that `npm run build` makes. */
export function libraryPath(env: Environment): string {
  return env.WIREGUARD_GO_BRIDGE_LIB_PATH || `${packageRoot}/build/wireguard_go_bridge.so`;
}

/**
 * The executable: WIREGUARD_GO_EXECUTABLE, or the one that `npm run build` makes. A value without a
 * slash ("boringtun-cli") is a command to be found on PATH.
 */
export function executablePath(env: Environment): string {
  return env.WIREGUARD_GO_EXECUTABLE || `${packageRoot}/build/wireguard-go`;
}

/** Upstream's own wireguard-go, built from the pinned module: a peer to compare with. */
export const upstreamExecutablePath = `${packageRoot}/build/upstream/wireguard-go`;

/** What asks a tunnel for handshakes in a bench. */
export const handshakesClientPath = `${packageRoot}/build/bench/handshakes`;

/** Runs a command in namespaces of its own. */
export const sandboxScript = `${packageRoot}/scripts/sandbox`;

/** Upstream's integration test with the container patch applied. */
export const netnsScript = `${packageRoot}/test/netns.sh`;
