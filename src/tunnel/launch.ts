import { setTimeout as delay } from "node:timers/promises";
import type { Backend, RunningTunnel, StartOptions } from "../backends/backend.js";
import type { DeviceConfig } from "../device/config.js";
import { Device } from "../device/device.js";
import { configureNetwork, type NetworkSettings } from "./network.js";

/** How often a device is asked whether it has noticed that its interface is up, and how long it waits. */
const boundTries = 100;
const boundInterval = 10;

/**
 * Starts a tunnel and makes it what is wanted. Endpoints must be addresses. On rejection nothing is
 * left behind.
 */
export async function launch(
  backend: Backend,
  start: StartOptions,
  network: NetworkSettings,
  wanted: DeviceConfig | undefined,
): Promise<RunningTunnel> {
  const { signal } = start;
  const running = await backend.start(start);
  try {
    const device = new Device((request, either) => running.exchange(request, either));
    await configureNetwork(running.name, network, signal);
    if (network.up && wanted?.listenPort) await untilBound(device, signal);
    if (wanted !== undefined) await device.apply(wanted, signal);
    signal?.throwIfAborted();
    return running;
  } catch (error) {
    await running.close();
    throw error;
  }
}

/** A device takes a port only once it is up; then it can say that the port is in use. */
async function untilBound(device: Device, signal: AbortSignal | undefined): Promise<void> {
  for (let attempt = 0; attempt < boundTries; attempt++) {
    if ((await device.status(signal)).listenPort !== undefined) return;
    await delay(boundInterval, undefined, signal && { signal });
  }
}
