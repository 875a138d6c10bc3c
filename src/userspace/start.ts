import type { Backend, RunningStation, StationOptions } from "../backends/backend.js";
import { parseDisabled } from "../backends/features.js";
import { withDeadline } from "../deadline.js";
import type { DeviceConfig } from "../device/config.js";
import { destroySecrets } from "../device/secrets.js";
import { Station } from "../station/station.js";
import type { Revival } from "../tunnel/handle.js";
import type { UserspaceRequest } from "../tunnel/input.js";
import { launchHeld } from "../tunnel/launch.js";
import { resolveConfig, systemLookup } from "../tunnel/resolve.js";
import { Backoff, type RestartOptions } from "../tunnel/restart.js";
import { chooseBackend } from "../tunnel/start.js";
import { Device } from "../uapi/device.js";
import { type Current, setNetwork, UserspaceHandle } from "./handle.js";
import { refuseServersOutside } from "./name-servers.js";
import { type Network, networkOf } from "./network.js";
import type { EngineProxy } from "./proxy.js";
import { requireNodeSockets } from "./runtime.js";
import type { UserspaceTunnel } from "./tunnel.js";

/** How long a station may take to greet and to set its network, in milliseconds. */
const stationTimeout = 10_000;

/** The number of the last userspace tunnel of this process. */
let last = 0;

/** Starts the userspace tunnel that openTunnel was asked for. */
export async function startUserspaceTunnel(request: UserspaceRequest): Promise<UserspaceTunnel> {
  const { signal, resolve, restart, config, listenPort, env } = request;
  const device = { ...config.device, ...(listenPort !== undefined && { listenPort }) };
  try {
    requireNodeSockets();
    signal?.throwIfAborted();
    const mtu = request.mtu ?? config.mtu;
    const network = networkOf({
      addresses: request.addresses ?? config.addresses,
      dns: request.dns ?? config.dns,
      mtu,
      memory: request.memory,
    });
    refuseServersOutside(network, device.peers);
    const lookup = (resolve === false ? undefined : resolve?.lookup) ?? systemLookup;
    const resolved = await resolveConfig(device, lookup, signal);
    const { backend, reason } = await chooseBackend(request);
    let emitLog = (_line: string) => {};
    const options: StationOptions = {
      name: `userspace-${++last}`,
      logLevel: request.logLevel ?? "error",
      // A listener that throws must not end the reader of the log.
      onLog: (line) => queueMicrotask(() => emitLog(line)),
      disable: request.disable ?? parseDisabled(env.WG_BRIDGE_DISABLE ?? ""),
      env,
      ...(mtu !== undefined && { mtu }),
      ...(signal && { signal }),
    };
    const { running, station } = await launchStation(backend, options, network, resolved);
    const current: Current = { station, network, proxies: new Set() };
    const tunnel = new UserspaceHandle(
      {
        running,
        reason,
        watch: request,
        configured: device,
        ...(restart && { revival: revivalOf(restart, backend, options, current) }),
      },
      current,
    );
    emitLog = (line) => tunnel.emit("log", line);
    return tunnel;
  } finally {
    destroySecrets(device);
  }
}

/**
 * Starts an engine, connects to its station, configures it, and opens these proxies again. On rejection nothing is left
 * behind.
 */
async function launchStation(
  backend: Backend,
  options: StationOptions,
  network: Network,
  device: DeviceConfig,
  proxies: Iterable<EngineProxy> = [],
): Promise<{ readonly running: RunningStation; readonly station: Station }> {
  const { signal } = options;
  const { running, configured } = await launchHeld(
    options,
    (onStarting) => backend.openStation({ ...options, onStarting }),
    async (started) => {
      const station = await withDeadline(
        `Setting up ${options.name}`,
        stationTimeout,
        signal,
        async (either) => {
          const opened = await Station.open(started, either);
          await setNetwork(opened, network, either);
          return opened;
        },
      );
      const uapi = new Device((request, either) => started.exchange(request, either));
      await uapi.apply(device, signal);
      for (const proxy of proxies) await proxy.reopen(station, signal);
      signal?.throwIfAborted();
      return station;
    },
  );
  return { running, station: configured };
}

function revivalOf(
  options: true | RestartOptions,
  backend: Backend,
  { signal: _spent, ...start }: StationOptions,
  current: Current,
): Revival {
  return {
    backoff: new Backoff(options === true ? {} : options),
    async start(name, { device }, signal) {
      const { network } = current;
      const mtu = network.mtu === undefined ? {} : { mtu: network.mtu };
      const opened = await launchStation(
        backend,
        { ...start, ...mtu, name, signal },
        network,
        device,
        current.proxies,
      );
      current.station = opened.station;
      return opened.running;
    },
  };
}
