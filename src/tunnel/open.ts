import { explained, lazily } from "../descriptors.js";
import { requireTunnelHost } from "../host.js";
import type { UserspaceTunnel } from "../userspace/tunnel.js";
import { readAttachOptions, readName, readTunnelOptions, readUserspaceOptions } from "./input.js";
import type { AttachOptions, TunnelOptions, UserspaceOptions } from "./options.js";
import type { Tunnel } from "./tunnel.js";

// Each is loaded when it is first called: a program that imports the package may never open a tunnel.
const starting = lazily(() => import("./start.js"));
const userspace = lazily(() => import("../userspace/start.js"));
const attaching = lazily(() => import("./attach.js"));
const listing = lazily(() => import("../uapi/server.js"));

/**
 * Opens a userspace tunnel: its network is inside the engine, for this program alone, and needs neither privileges
 * nor a TUN device. Resolves once it answers and is configured. On rejection nothing is left behind. The options are
 * read at once, and an unknown one is refused.
 * @throws WgBridgeError that says why there is no tunnel, such as WG_BRIDGE_NETWORK for a configuration without an
 *   address; ConfigError for a text that is not a configuration; or the signal's reason
 */
export function openTunnel(options: UserspaceOptions): Promise<UserspaceTunnel>;
/**
 * Opens a tunnel. Resolves once it answers and is configured as the options say. If they include a
 * configuration or addresses, the interface is up by then; otherwise setting it up is the caller's task.
 * On rejection nothing is left behind. The options are read at once: changing them, or what is in them,
 * afterwards changes nothing. An unknown option is refused.
 * @throws WgBridgeError that says why there is no tunnel; WG_BRIDGE_PLATFORM if this is not Linux; ConfigError for a text that is not a
 *   configuration; or the signal's reason
 */
export function openTunnel(options: TunnelOptions): Promise<Tunnel>;
export async function openTunnel(options: TunnelOptions | UserspaceOptions): Promise<Tunnel> {
  requireTunnelHost();
  if (options?.network === "userspace") {
    const request = readUserspaceOptions(options);
    return explained("Opening a userspace tunnel", async () =>
      (await userspace()).startUserspaceTunnel(request),
    );
  }
  const request = readTunnelOptions(options);
  return explained(`Opening the tunnel ${request.name}`, async () =>
    (await starting()).startTunnel(request),
  );
}

/**
 * Attaches to an interface that another userspace WireGuard serves already, over its UAPI socket. Closing
 * the tunnel only lets go of it. The tunnel ends when the program's socket goes; if the program was killed
 * and its socket stayed, at the next call.
 * @throws WgBridgeError WG_BRIDGE_CLOSED if nothing serves the interface; WG_BRIDGE_PERMISSION;
 *   WG_BRIDGE_UNTRUSTED if a user other than root and this one could serve it; WG_BRIDGE_INTERFACE_NAME;
 *   WG_BRIDGE_TIMEOUT if its program accepts no connections; WG_BRIDGE_RESOURCES; or the signal's reason
 */
export async function attach(name: string, options: AttachOptions = {}): Promise<Tunnel> {
  requireTunnelHost();
  const checked = readName(name);
  const watching = readAttachOptions(options);
  return explained(`Attaching to ${checked}`, async () =>
    (await attaching()).attach(checked, watching),
  );
}

/**
 * Lists, in alphabetical order, the interfaces on this machine that a WireGuard program serves over a UAPI
 * socket: those that attach() accepts. The kernel's own WireGuard interfaces are not among them.
 * @throws WgBridgeError WG_BRIDGE_UNTRUSTED if users other than root and this one can make sockets
 */
export async function listServedInterfaces(): Promise<readonly string[]> {
  requireTunnelHost();
  return explained("Listing the interfaces", async () => (await listing()).servedInterfaces());
}
