import { setTimeout as delay } from "node:timers/promises";
import type { Backend, RunningTunnel, StartOptions } from "../backends/backend.js";
import { withDeadline } from "../deadline.js";
import type { DeviceConfig } from "../device/config.js";
import { destroySecrets } from "../device/secrets.js";
import { Device } from "../uapi/device.js";
import { configureNetwork, type NetworkSettings } from "./network.js";
import { type Held, holdUntilProcessEnd } from "./process-end.js";

/** How long ip(8) may take, in milliseconds. It usually takes a few. */
const networkTimeout = 10_000;

/** How often to check whether a device has bound its port, and how long to wait between two checks. */
const boundTries = 100;
const boundInterval = 10;

/**
 * Starts a tunnel, sets up its interface and configures it. Endpoints must be addresses. On rejection
 * nothing is left behind. Nor is anything when this process ends: from the first moment on, and for good
 * unless the tunnel is detached.
 */
export async function launch(
  backend: Backend,
  start: StartOptions,
  network: NetworkSettings,
  config: DeviceConfig | undefined,
): Promise<RunningTunnel> {
  const { running } = await launchHeld(
    start,
    (onStarting) => backend.start({ ...start, onStarting }),
    (started) => configure(started, network, config, start.signal),
  );
  return running;
}

/** As launch does, for what `start` starts and `configure` configures; resolves with both results. */
export async function launchHeld<Running extends RunningTunnel, Configured>(
  { signal, detached = false }: Pick<StartOptions, "signal" | "detached">,
  start: (onStarting: (abandon: () => void) => void) => Promise<Running>,
  configure: (running: Running) => Promise<Configured>,
): Promise<{ readonly running: Running; readonly configured: Configured }> {
  const held: Held = { abandon: () => {} };
  const release = holdUntilProcessEnd(held);
  const onStarting = (abandon: () => void) => {
    held.abandon = abandon;
  };
  try {
    const running = await start(onStarting);
    let configured: Configured;
    try {
      configured = await configure(running);
    } catch (error) {
      await running.close();
      throw error;
    }
    held.abandon = () => running.abandon();
    if (detached) release();
    else void running.ended.then(release);
    return { running, configured };
  } catch (error) {
    release();
    signal?.throwIfAborted(); // a timer that the signal ended rejects with a reason of its own
    throw error;
  }
}

async function configure(
  running: RunningTunnel,
  network: NetworkSettings,
  config: DeviceConfig | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const device = new Device((request, either) => running.exchange(request, either));
  await withDeadline(`Setting up ${running.name} with ip`, networkTimeout, signal, (either) =>
    configureNetwork(running.name, network, either),
  );
  if (network.up && config?.listenPort) await untilBound(device, signal);
  if (config !== undefined) await device.apply(config, signal);
  signal?.throwIfAborted();
}

/** Waits until a device has bound a port, which it does once it is up: only then can it say that one is taken. */
async function untilBound(device: Device, signal: AbortSignal | undefined): Promise<void> {
  for (let attempt = 0; attempt < boundTries; attempt++) {
    const status = await device.status(signal);
    destroySecrets(status);
    if (status.listenPort !== undefined) return;
    await delay(boundInterval, undefined, signal && { signal });
  }
}
