import { WgBridgeError } from "../errors.js";

/**
 * Checks that this JavaScript runtime has Node.js's sockets. Bun puts classes of its own in place of net.Socket and of
 * the package undici: requests would leave by the machine's network, outside the tunnel.
 * @throws WgBridgeError WG_BRIDGE_UNSUPPORTED
 */
export function requireNodeSockets(
  versions: Readonly<Record<string, string | undefined>> = process.versions,
): void {
  if (versions.bun === undefined) return;
  throw new WgBridgeError(
    "WG_BRIDGE_UNSUPPORTED",
    `Bun ${versions.bun} replaces net.Socket and undici by its own, which would pass by a userspace tunnel. Run the program with Node.js or Deno.`,
  );
}
