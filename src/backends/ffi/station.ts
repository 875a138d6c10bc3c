import { StationDirectory } from "../../station/directory.js";
import { exchangeOverStation } from "../../station/exchange.js";
import type { RunningStation, StationOptions } from "../backend.js";
import type { TunnelLibrary } from "../ffi.js";
import { FfiTunnel, type OpenedHandle, open } from "./tunnel.js";

/** Starts a userspace tunnel in this process. Configuration and streams go over its station, as on exec. */
export async function startStation(
  library: TunnelLibrary,
  options: StationOptions,
): Promise<RunningStation> {
  const { name, mtu = 0, logLevel = "error", env, onStarting } = options;
  const directory = StationDirectory.make(env);
  const { path } = directory;
  const removing = {
    ...options,
    onStarting: (abandon: () => void) =>
      onStarting?.(() => {
        abandon();
        directory.remove();
      }),
  };
  try {
    const opened = await open(library, removing, (handle) =>
      library.openUserspace(handle, path, mtu, logLevel),
    );
    return new FfiStation(library, name, opened, directory);
  } catch (error) {
    directory.remove();
    throw error;
  }
}

class FfiStation extends FfiTunnel implements RunningStation {
  readonly path: string;

  constructor(
    library: TunnelLibrary,
    name: string,
    opened: OpenedHandle,
    directory: StationDirectory,
  ) {
    super(library, name, opened, () => directory.remove());
    this.path = directory.path;
    void this.ended.then(() => directory.remove());
  }

  /** It has this process. */
  isAlive(): boolean {
    return true;
  }

  override async exchange(request: Uint8Array, signal?: AbortSignal): Promise<Buffer> {
    this.refuseIfEnded();
    try {
      return await exchangeOverStation(this.path, this.name, request, signal);
    } catch (error) {
      this.refuseIfEnded(); // which says better why the engine hung up
      throw error;
    }
  }
}
