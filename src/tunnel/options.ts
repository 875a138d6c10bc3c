import type { LogLevel } from "../backends/backend.js";
import type { TunnelFeature } from "../backends/features.js";
import type { DeviceInput } from "../config/config.js";
import type { CallOptions } from "../input/call-options.js";
import type { BackendRequest } from "../strategy/choose.js";
import type { ResolveOptions } from "./reresolve.js";
import type { RestartOptions } from "./restart.js";

/** What a tunnel is to be: typed, or the text of a wg(8) or wg-quick(8) file, as a string or its bytes. */
export type ConfigInput = DeviceInput | string | Uint8Array;

/** How a tunnel is watched and looked after. */
export interface WatchOptions {
  /** Milliseconds between two looks at the device while somebody listens for events. Default 1000. */
  readonly pollInterval?: number;
  /** When host names of endpoints are resolved again; false never does. */
  readonly resolve?: false | ResolveOptions;
}

/** How an interface is attached to. */
export interface AttachOptions extends WatchOptions, CallOptions {}

/** What a tunnel is opened with. */
export interface TunnelOptions extends WatchOptions {
  /** The interface to make, 1 to 15 bytes. The kernel puts a number for "%d": "wg%d". */
  readonly name: string;
  /** Default: the environment's WG_BRIDGE_BACKEND, or "auto", which prefers ffi. */
  readonly backend?: BackendRequest;
  /** Bytes, 68 to 65535. Default: the configuration's, or 1420. */
  readonly mtu?: number;
  /** UDP port, 0 to 65535. Default: the configuration's, or the kernel's choice. */
  readonly listenPort?: number;
  /** What the engine logs. Default "error". */
  readonly logLevel?: LogLevel;
  /**
   * What the tunnel is to do without, where a kernel or network does it wrongly: throughput collapses,
   * or packets are lost. It costs speed alone. Of executables only wg-bridge's own heeds it. Default:
   * the environment's WG_BRIDGE_DISABLE, names with commas between them, or nothing.
   */
  readonly disable?: readonly (TunnelFeature | "all")[];
  /** The tunnel is made so before it is handed out. DNS, Table and the hooks are wg-quick's alone. */
  readonly config?: ConfigInput;
  /** The interface's addresses, "10.0.0.2/24". Default: the configuration's. */
  readonly addresses?: readonly string[];
  /** Gives up the opening. It then rejects with the signal's reason, and leaves nothing behind. */
  readonly signal?: AbortSignal;
  /** The tunnel outlives this process, unless close() is called. Only exec can. */
  readonly detached?: boolean;
  /** A backend that was killed is started again, with its configuration. Only exec can. */
  readonly restart?: boolean | RestartOptions;
  /** Where the variables of docs/backends.md are read from. Default process.env. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}
