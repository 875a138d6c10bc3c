import type { Backend, StartOptions } from "../backends/backend.js";
import { parseDisabled } from "../backends/features.js";
import type { DeviceConfig } from "../device/config.js";
import { destroySecrets } from "../device/secrets.js";
import type { EngineRequest } from "../engine/files.js";
import { WgBridgeError } from "../errors.js";
import { type BackendRequest, parseBackendRequest } from "../strategy/choose.js";
import { type OpenedBackend, openBackend } from "../strategy/open.js";
import { type Revival, TunnelHandle } from "./handle.js";
import type { OpenRequest } from "./input.js";
import { launch } from "./launch.js";
import { LogLines } from "./log-lines.js";
import type { NetworkSettings } from "./network.js";
import { resolveConfig, systemLookup } from "./resolve.js";
import { Backoff, type RestartOptions } from "./restart.js";
import type { Tunnel } from "./tunnel.js";

/** Starts the tunnel that openTunnel was asked for, from the choice of its backend to the handle on it. */
export async function startTunnel(request: OpenRequest): Promise<Tunnel> {
  const { signal, resolve, restart, config } = request;
  const device = requestedDevice(request);
  try {
    signal?.throwIfAborted();
    const lookup = (resolve === false ? undefined : resolve?.lookup) ?? systemLookup;
    const resolved = device && (await resolveConfig(device, lookup, signal));
    const { backend, reason } = await chooseBackend(request);
    const log = new LogLines();
    const mtu = request.mtu ?? config?.mtu;
    const start: StartOptions = {
      name: request.name,
      logLevel: request.logLevel ?? "error",
      onLog: (line) => log.add(line),
      disable: request.disable ?? parseDisabled(request.env.WG_BRIDGE_DISABLE ?? ""),
      detached: request.detached ?? false,
      ...(mtu === undefined ? {} : { mtu }),
      ...(signal && { signal }),
    };
    const network = {
      addresses: request.addresses ?? config?.addresses ?? [],
      up: config !== undefined || request.addresses !== undefined,
    };
    const tunnel = new TunnelHandle({
      running: await launch(backend, start, network, resolved),
      reason,
      watch: request,
      ...(device && { configured: device }),
      ...(restart && { revival: revivalOf(restart, backend, start, network) }),
    });
    log.passTo((line) => tunnel.emit("log", line));
    return tunnel;
  } finally {
    if (device) destroySecrets(device);
  }
}

/** What the configuration and the options ask of the device; undefined if they ask for nothing. */
function requestedDevice({ config, listenPort }: OpenRequest): DeviceConfig | undefined {
  if (config === undefined && listenPort === undefined) return undefined;
  return { peers: [], ...config?.device, ...(listenPort === undefined ? {} : { listenPort }) };
}

/** Opens the backend that a tunnel asks for, or that can do what it asks for. */
export async function chooseBackend(
  request: Pick<
    OpenRequest,
    "env" | "backend" | "library" | "executable" | "restart" | "detached"
  > &
    Pick<EngineRequest, "network">,
): Promise<OpenedBackend> {
  const { env } = request;
  const asked = parseBackendRequest(request.backend ?? (env.WG_BRIDGE_BACKEND || "auto"));
  const option = processOption(request);
  if (option === undefined) return openBackend(asked, env, request);
  if (asked === "ffi") throw unsupportedError(option);
  const opened = await openBackend("exec", env, request);
  return asked === "exec" ? opened : { ...opened, reason: reasonFor(asked, option) };
}

/** The option, if any, that only a backend with a process of its own supports. */
function processOption({
  detached,
  restart,
}: Pick<OpenRequest, "detached" | "restart">): string | undefined {
  if (detached) return "detached";
  return restart ? "restart" : undefined;
}

function reasonFor(asked: BackendRequest, option: string): string {
  return `${asked} takes exec: ${option} needs a process of its own.`;
}

function unsupportedError(option: string): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_UNSUPPORTED",
    `The backend ffi cannot do "${option}": its engine lives and dies with this process. Use the backend exec.`,
  );
}

function revivalOf(
  options: true | RestartOptions,
  backend: Backend,
  { signal: _spent, ...start }: StartOptions,
  network: NetworkSettings,
): Revival {
  return {
    backoff: new Backoff(options === true ? {} : options),
    start: (name, { device, link }, signal) =>
      launch(
        backend,
        { ...start, name, signal, ...(link && { mtu: link.mtu }) },
        { ...network, up: link?.up ?? network.up },
        device,
      ),
  };
}
