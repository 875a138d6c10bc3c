import { setTimeout as delay } from "node:timers/promises";
import type { Backend, RunningTunnel, StartOptions } from "../backends/backend.js";
import { withDeadline } from "../deadline.js";
import type { DeviceConfig } from "../device/config.js";
import { destroySecrets } from "../device/secrets.js";
import { Device } from "../uapi/device.js";
import { configureNetwork, type NetworkSettings } from "./network.js";
import { type Held, holdUntilProcessEnd } from "./process-end.js";

/** How long ip(8) may take, in milliseconds. It takes some of them. */
const networkTimeout = 10_000;

/** How often a device is asked whether it has noticed that its interface is up, and how long it waits. */
const boundTries = 100;
const boundInterval = 10;

/**
 * Starts a tunnel and makes it what is wanted. Endpoints must be addresses. On rejection nothing is
 * left behind, nor when this process ends: from the first moment, and later unless it is detached.
 */
export async function launch(
  backend: Backend,
  start: StartOptions,
  network: NetworkSettings,
  wanted: DeviceConfig | undefined,
): Promise<RunningTunnel> {
  const held: Held = { abandon: () => {} };
  const release = holdUntilProcessEnd(held);
  const onStarting = (abandon: () => void) => {
    held.abandon = abandon;
  };
  try {
    const running = await startWanted(backend, { ...start, onStarting }, network, wanted);
    held.abandon = () => running.abandon();
    if (start.detached) release();
    else void running.ended.then(release);
    return running;
  } catch (error) {
    release();
    throw error;
  }
}

async function startWanted(
  backend: Backend,
  start: StartOptions,
  network: NetworkSettings,
  wanted: DeviceConfig | undefined,
): Promise<RunningTunnel> {
  const { signal } = start;
  const running = await backend.start(start);
  try {
    const device = new Device((request, either) => running.exchange(request, either));
    await withDeadline(`Setting up ${running.name} with ip`, networkTimeout, signal, (either) =>
      configureNetwork(running.name, network, either),
    );
    if (network.up && wanted?.listenPort) await untilBound(device, signal);
    if (wanted !== undefined) await device.apply(wanted, signal);
    signal?.throwIfAborted();
    return running;
  } catch (error) {
    await running.close();
    signal?.throwIfAborted(); // a timer that it ended has a reason of its own
    throw error;
  }
}

/** A device takes a port only once it is up; then it can say that the port is in use. */
async function untilBound(device: Device, signal: AbortSignal | undefined): Promise<void> {
  for (let attempt = 0; attempt < boundTries; attempt++) {
    const status = await device.status(signal);
    destroySecrets(status);
    if (status.listenPort !== undefined) return;
    await delay(boundInterval, undefined, signal && { signal });
  }
}
