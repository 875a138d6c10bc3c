import type { Environment } from "../artifacts.js";
import type { WgBridgeError } from "../errors.js";
import type { TunnelFeature } from "./features.js";

/** Where the engine runs: in this process (a library) or in a child (an executable). */
export type BackendKind = "ffi" | "exec";

/** wireguard-go's log levels. "error" is its default. */
export type LogLevel = "silent" | "error" | "verbose";

/** What a tunnel is started with. */
export interface StartOptions {
  /** The interface to create, as checkInterfaceName allows it. In "wg%d" the kernel chooses the number. */
  readonly name: string;
  /** MTU of the interface in bytes. Default 1420. */
  readonly mtu?: number;
  /** Default "error". */
  readonly logLevel?: LogLevel;
  /** Receives each line the engine logs, without its line end. It must not throw. */
  readonly onLog?: (line: string) => void;
  /** What the tunnel does without; of executables only wg-bridge's own supports it. Default none. */
  readonly disable?: readonly TunnelFeature[];
  /**
   * The tunnel outlives this process, unless close() is called. Its log goes nowhere. Default false.
   * ffi cannot: WG_BRIDGE_UNSUPPORTED.
   */
  readonly detached?: boolean;
  /**
   * Receives, before the start makes anything, a function that ends the unfinished start at once and without waiting,
   * for a process that is about to end. After the start, use the tunnel's abandon().
   */
  readonly onStarting?: (abandon: () => void) => void;
  /** Gives up the start. The start then rejects with the signal's reason and leaves nothing behind. */
  readonly signal?: AbortSignal;
}

/** What a userspace tunnel is started with. */
export interface StationOptions extends Omit<StartOptions, "detached"> {
  /** Where to look for the directory in which its socket is made. */
  readonly env: Environment;
}

/** How a tunnel in the foreground of a process ended. */
export interface ForegroundEnd {
  /** The exit code that wireguard-go would have. */
  readonly exitCode: number;
  /** Why there was no tunnel, or how it was lost, unless the log or WG_PROCESS_STATUS_FD has it. */
  readonly error?: WgBridgeError | undefined;
}

/** Why a tunnel ended. */
export interface TunnelEnd {
  /**
   * closed: close() was called. interface-deleted, socket-removed: somebody else removed the
   * interface or the UAPI socket. lost: the backend died, or ended without saying why.
   */
  readonly reason: "closed" | "interface-deleted" | "socket-removed" | "lost";
  /** One sentence for a person. */
  readonly message: string;
}

/** A tunnel that serves UAPI. Its owner must close it. */
export interface RunningTunnel extends AsyncDisposable {
  /** "attached": another program runs it. */
  readonly backend: BackendKind | "attached";
  /** The interface's name. */
  readonly name: string;
  /**
   * Sends one whole UAPI request ("get=1\n\n", or "set=1\n" with its lines and a blank line) and
   * resolves with the whole answer, blank line included. An errno other than 0 in the answer is an
   * answer, not a rejection. Both buffers are the caller's: overwrite them if they hold keys.
   * @throws WgBridgeError WG_BRIDGE_CLOSED after close(), WG_BRIDGE_LOST after any other end,
   *   WG_BRIDGE_TIMEOUT after 30 seconds, WG_BRIDGE_ENGINE for a request that is not UAPI.
   */
  exchange(request: Uint8Array, signal?: AbortSignal): Promise<Buffer>;
  /** Resolves when the tunnel has ended, for whatever reason. Never rejects. */
  readonly ended: Promise<TunnelEnd>;
  /**
   * Ends the tunnel at once and without waiting, as far as possible: this process is about to end. A detached tunnel
   * goes on.
   */
  abandon(): void;
  /** Ends the tunnel and resolves when interface and socket are gone. Can be called repeatedly. */
  close(): Promise<void>;
}

/** A tunnel with a network of its own inside the engine, in place of an interface. It serves a station. */
export interface RunningStation extends RunningTunnel {
  /** The path of the station's socket, in a directory that only this user may enter. */
  readonly path: string;
  /** Reports whether the engine's process still has its connections. Undefined: it cannot be seen from here. */
  isAlive(): boolean | undefined;
}

/** One way to run the engine. */
export interface Backend {
  readonly kind: BackendKind;
  /** Starts a tunnel for this program. Resolves only when UAPI answers; on rejection nothing is left behind. */
  start(options: StartOptions): Promise<RunningTunnel>;
  /** Starts a userspace tunnel, which needs no privileges. Resolves once its station answers. */
  openStation(options: StationOptions): Promise<RunningStation>;
  /**
   * Runs a tunnel in the foreground of this process, as `wireguard-go -f` does: until a signal, or somebody else, ends
   * it. The environment is wireguard-go's. Takes the process's signals over.
   * @throws WgBridgeError WG_BRIDGE_EXECUTABLE_*, WG_BRIDGE_UNTRUSTED or WG_BRIDGE_RESOURCES: it could not begin
   */
  run(name: string, env: Environment): Promise<ForegroundEnd>;
}
