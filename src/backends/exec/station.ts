import { withDeadline } from "../../deadline.js";
import { variables } from "../../engine/files.js";
import { WgBridgeError } from "../../errors.js";
import { StationDirectory } from "../../station/directory.js";
import { exchangeOverStation } from "../../station/exchange.js";
import type { RunningStation, StationOptions } from "../backend.js";
import { Child } from "./child.js";
import { childDescriptors } from "./descriptors.js";
import { ExecTunnel, environment, startTimeout, untilReady } from "./tunnel.js";

/** Starts a userspace tunnel in a child process. */
export async function startStation(
  executable: string,
  options: StationOptions,
): Promise<RunningStation> {
  const { name, signal, mtu, onLog, env } = options;
  const directory = StationDirectory.make(env);
  const { path } = directory;
  let child: Child;
  try {
    child = await Child.start({
      command: executable,
      args: [],
      variable: variables.userspaceExecutable,
      descriptors: childDescriptors(
        {
          ...environment(options),
          WG_STATION_PATH: path,
          ...(mtu !== undefined && { WG_MTU: String(mtu) }),
        },
        ["ignore", "pipe", "pipe"],
        true,
      ),
      ...(onLog && { onLine: onLog }),
    });
  } catch (error) {
    directory.remove();
    throw error;
  }
  const abandon = () => {
    child.kill();
    directory.remove();
  };
  options.onStarting?.(abandon);
  try {
    const ready = await withDeadline(`Starting ${name}`, startTimeout, signal, (either) =>
      untilReady(child, name, false, either),
    );
    signal?.throwIfAborted();
    if (ready !== path) throw otherProgramError(executable);
  } catch (error) {
    // Programs that need the name of an interface print their usage and end.
    const isOther = child.exitCode === 0 && child.lastStatus === undefined;
    await child.terminate();
    directory.remove();
    throw isOther ? otherProgramError(executable) : error;
  }
  return new ExecStation(child, name, directory);
}

class ExecStation extends ExecTunnel implements RunningStation {
  readonly path: string;
  readonly #child: Child;

  constructor(child: Child, name: string, directory: StationDirectory) {
    const { path } = directory;
    super(child, name, {
      exchange: (request, signal) => exchangeOverStation(path, name, request, signal),
      remove: async () => directory.remove(),
      removeNow: () => directory.remove(),
    });
    this.path = path;
    this.#child = child;
  }

  isAlive(): boolean | undefined {
    const { exiting } = this.#child;
    return exiting === undefined ? undefined : !exiting;
  }
}

/** The error for a program that is not wireguard-go-userspace, such as wireguard-go. */
function otherProgramError(executable: string): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_UNSUPPORTED",
    `${executable} cannot open userspace tunnels. Name wg-bridge's own wireguard-go-userspace, of this release, or leave that out.`,
  );
}
