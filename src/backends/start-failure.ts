import { WgBridgeError } from "../errors.js";

/** The reasons for which either backend can fail to start. */
export type StartFailureCode =
  | "WG_BRIDGE_INTERFACE_EXISTS"
  | "WG_BRIDGE_SOCKET_IN_USE"
  | "WG_BRIDGE_NO_TUN"
  | "WG_BRIDGE_PERMISSION"
  | "WG_BRIDGE_EXECUTABLE_CRASHED"
  | "WG_BRIDGE_TIMEOUT"
  | "WG_BRIDGE_RESOURCES"
  | "WG_BRIDGE_ENGINE";

/** The error of a start that failed. detail is what the engine itself said. */
export function startFailure(code: StartFailureCode, name: string, detail: string): WgBridgeError {
  const said = detail === "" ? "" : ` (the engine said: ${detail})`;
  return new WgBridgeError(code, `${sentenceFor(code, name, detail)}${said}`);
}

/** What to do about what an engine said, if there is more to do than it says. */
export function remedyFor(detail: string): string | undefined {
  if (!/read-only file system/i.test(detail)) return undefined;
  return 'A tunnel needs a /var/run/wireguard that can be written: mount a tmpfs there (in a container "--tmpfs /run").';
}

function sentenceFor(code: StartFailureCode, name: string, detail: string): string {
  if (code !== "WG_BRIDGE_ENGINE" || detail === "") return sentence(code, name);
  const remedy = remedyFor(detail) ?? "Cure what the engine says.";
  return `The engine could not start the tunnel ${name}. ${remedy}`;
}

function sentence(code: StartFailureCode, name: string): string {
  switch (code) {
    case "WG_BRIDGE_INTERFACE_EXISTS":
      return `The interface ${name} exists already: choose another name, or delete it with "ip link del ${name}".`;
    case "WG_BRIDGE_SOCKET_IN_USE":
      return `The UAPI socket of ${name} is in use: another WireGuard program serves this interface. Stop that program or choose another name.`;
    case "WG_BRIDGE_NO_TUN":
      return `The tunnel ${name} needs /dev/net/tun, which this machine does not have: run "modprobe tun", or start the container with "--device /dev/net/tun".`;
    case "WG_BRIDGE_PERMISSION":
      return `The tunnel ${name} may not be created by this user: run as root, or give the program CAP_NET_ADMIN (in a container "--cap-add NET_ADMIN") and write access to /dev/net/tun and /var/run/wireguard.`;
    case "WG_BRIDGE_EXECUTABLE_CRASHED":
      return `The WireGuard executable crashed while it started ${name}: run it by hand in the foreground to see why, or choose another with WIREGUARD_GO_EXECUTABLE.`;
    case "WG_BRIDGE_TIMEOUT":
      return `The tunnel ${name} did not answer in time: start it with log level "verbose" to see what it waits for.`;
    case "WG_BRIDGE_RESOURCES":
      return `The tunnel ${name} needs more file descriptors or memory than there are: raise the limit of open files ("ulimit -n", or LimitNOFILE of a systemd unit), or close what is not needed.`;
    case "WG_BRIDGE_ENGINE":
      return `The engine could not start the tunnel ${name}: start it with log level "verbose" to see more.`;
  }
}
