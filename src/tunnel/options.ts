import type { LogLevel } from "../backends/backend.js";
import type { TunnelFeature } from "../backends/features.js";
import type { DeviceInput } from "../config/config.js";
import type { CallOptions } from "../input/call-options.js";
import type { BackendRequest } from "../strategy/choose.js";
import type { ResolveOptions } from "./reresolve.js";
import type { RestartOptions } from "./restart.js";

/** A configuration: an object, or the text of a wg(8) or wg-quick(8) file, as a string or its bytes. */
export type ConfigInput = DeviceInput | string | Uint8Array;

/** How a tunnel is watched. */
export interface WatchOptions {
  /** Milliseconds between two polls of the device while somebody listens for events. Default 1000. */
  readonly pollInterval?: number;
  /** When to resolve the endpoints' host names again. False: never. */
  readonly resolve?: false | ResolveOptions;
}

/** How to attach to an interface. */
export interface AttachOptions extends WatchOptions, CallOptions {}

/** How to run the engine of a tunnel. */
export interface EngineOptions extends WatchOptions {
  /** Default: the environment's WG_BRIDGE_BACKEND, or "auto", which prefers ffi. */
  readonly backend?: BackendRequest;
  /**
   * The path of the library that ffi loads, for programs that cannot leave it where it is installed, such as
   * bundles. It does not choose ffi: if the backend is exec, the library is not used. Default: the environment's
   * WIREGUARD_GO_BRIDGE_LIB_PATH, or the installed one.
   */
  readonly library?: string;
  /**
   * The path of the executable that exec starts, or a command on PATH: any wireguard-go program, or for a userspace
   * tunnel wg-bridge's own wireguard-go-userspace. It does not choose exec: "auto" still prefers ffi. Default: the
   * environment's WIREGUARD_GO_EXECUTABLE, for a userspace tunnel WIREGUARD_GO_USERSPACE_EXECUTABLE; or the installed
   * one.
   */
  readonly executable?: string;
  /** UDP port, 0 to 65535. Default: the configuration's, or the kernel's choice. */
  readonly listenPort?: number;
  /** What the engine logs. Default "error". */
  readonly logLevel?: LogLevel;
  /**
   * What to turn off if a kernel or network gets it wrong, so that throughput collapses or packets are
   * lost. Turning it off costs speed alone. Only wg-bridge's own executable honours it. Default: the
   * environment's WG_BRIDGE_DISABLE, a comma-separated list, or nothing.
   */
  readonly disable?: readonly (TunnelFeature | "all")[];
  /** Cancels the opening, which then rejects with the signal's reason and leaves nothing behind. */
  readonly signal?: AbortSignal;
  /** Restarts a backend that was killed, with its configuration. Requires exec. */
  readonly restart?: boolean | RestartOptions;
  /** Where to read the variables of docs/backends.md. Default process.env. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** How to open a tunnel with an interface. */
export interface TunnelOptions extends EngineOptions {
  /** The tunnel is an interface of this machine: a TUN device. The default. */
  readonly network?: "tun";
  /** The interface to create, 1 to 15 bytes. With "%d", as in "wg%d", the kernel picks the number. */
  readonly name: string;
  /** Bytes, 68 to 65535. Default: the configuration's, or 1420. */
  readonly mtu?: number;
  /** Applied before openTunnel resolves. DNS, Table and the hooks are left to wg-quick. */
  readonly config?: ConfigInput;
  /** The interface's addresses, "10.0.0.2/24". Default: the configuration's. */
  readonly addresses?: readonly string[];
  /** The tunnel outlives this process, unless close() is called. Requires exec. */
  readonly detached?: boolean;
}

/** How to open a userspace tunnel: one whose network is inside the engine, for this program alone. */
export interface UserspaceOptions extends EngineOptions {
  /** There is no interface, so that no privileges are needed. */
  readonly network: "userspace";
  /** Its Address, DNS and MTU count, as the options of these names. Table and the hooks have no meaning. */
  readonly config: ConfigInput;
  /** Bytes, 1280 to 65535. Default: the configuration's, or 1420. */
  readonly mtu?: number;
  /** The tunnel's own addresses, "10.0.0.2". Default: the configuration's. There must be one. */
  readonly addresses?: readonly string[];
  /**
   * The name servers inside the tunnel, and the domains in which short names are looked up. Default: the
   * configuration's. Without any, names are an error: the machine's own resolver is never asked.
   */
  readonly dns?: readonly string[];
  /**
   * How many bytes the buffers of all its connections may take together, from 1 MiB on. Many connections that nobody
   * reads then hold less each. Default: 256 MiB.
   */
  readonly memory?: number;
}
