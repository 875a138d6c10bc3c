import type { Environment } from "../artifacts.js";
import { lazily } from "../descriptors.js";
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

const tunnel = lazily(() => import("./exec/tunnel.js"));
const station = lazily(() => import("./exec/station.js"));
const foreground = lazily(() => import("./exec/foreground.js"));

/** Runs each tunnel in a child process. */
export class ExecBackend implements Backend {
  readonly kind = "exec";
  readonly #executable: string;

  /** The executable is the path of any wireguard-go program that takes `-f INTERFACE`. */
  constructor(executable: string) {
    this.#executable = executable;
  }

  async start(options: StartOptions): Promise<RunningTunnel> {
    checkInterfaceName(options.name);
    options.signal?.throwIfAborted();
    requireTrustedDirectory(socketDirectory);
    const { startTunnel } = await tunnel();
    return startTunnel(this.#executable, options);
  }

  async openStation(options: StationOptions): Promise<RunningStation> {
    options.signal?.throwIfAborted();
    const { startStation } = await station();
    return startStation(this.#executable, options);
  }

  async run(name: string, env: Environment): Promise<ForegroundEnd> {
    checkInterfaceName(name);
    requireTrustedDirectory(socketDirectory);
    const { runInForeground } = await foreground();
    return runInForeground(this.#executable, name, env);
  }
}
