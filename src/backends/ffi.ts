import type { Environment } from "../artifacts.js";
import { lazily } from "../descriptors.js";
import { WgBridgeError } from "../errors.js";
import { requireTrustedDirectory, socketDirectory } from "../trust.js";
import { checkInterfaceName } from "../values/interface-name.js";
import type {
  Backend,
  ForegroundEnd,
  RunningStation,
  RunningTunnel,
  StartOptions,
  StationOptions,
} from "./backend.js";
import type { BridgeLibrary } from "./ffi/library.js";

const tunnel = lazily(() => import("./ffi/tunnel.js"));
const station = lazily(() => import("./ffi/station.js"));
const foreground = lazily(() => import("./ffi/foreground.js"));

/** What tunnels need of the library. Tests put something between. */
export type TunnelLibrary = Omit<BridgeLibrary, "abiVersion">;

/** Runs tunnels in this process. A crash of the engine takes the process with it. */
export class FfiBackend implements Backend {
  readonly kind = "ffi";
  readonly #library: TunnelLibrary;

  constructor(library: TunnelLibrary) {
    this.#library = library;
  }

  async start(options: StartOptions): Promise<RunningTunnel> {
    const { name, signal } = options;
    checkInterfaceName(name);
    signal?.throwIfAborted();
    if (options.detached) {
      throw new WgBridgeError(
        "WG_BRIDGE_UNSUPPORTED",
        `The tunnel ${name} cannot outlive this process with the backend ffi, which runs inside it. Use the backend exec.`,
      );
    }
    requireTrustedDirectory(socketDirectory);
    const { startTunnel } = await tunnel();
    return startTunnel(this.#library, options);
  }

  async openStation(options: StationOptions): Promise<RunningStation> {
    options.signal?.throwIfAborted();
    const { startStation } = await station();
    return startStation(this.#library, options);
  }

  async run(name: string, env: Environment): Promise<ForegroundEnd> {
    checkInterfaceName(name);
    requireTrustedDirectory(socketDirectory);
    const { runInForeground } = await foreground();
    return runInForeground(this.#library, name, env);
  }
}
