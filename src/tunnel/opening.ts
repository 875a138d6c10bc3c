import type { Backend, StartOptions } from "../backends/backend.js";
import { parseDisabled, type TunnelFeature } from "../backends/features.js";
import type { DeviceConfig } from "../device/config.js";
import { destroySecrets } from "../device/secrets.js";
import { WgBridgeError } from "../errors.js";
import { type BackendRequest, parseBackendRequest } from "../strategy/choose.js";
import { type OpenedBackend, openBackend } from "../strategy/open.js";
import { type Revival, TunnelHandle } from "./handle.js";
import type { OpenRequest } from "./input.js";
import { launch } from "./launch.js";
import { resolveConfig, systemLookup } from "./resolve.js";
import { Backoff } from "./restart.js";
import type { Tunnel } from "./tunnel.js";

/** What openTunnel does, once it is loaded. */
export async function open(request: OpenRequest): Promise<Tunnel> {
  const asked = wantedBy(request);
  try {
    return await openAsked(request, asked);
  } finally {
    if (asked.device) destroySecrets(asked.device);
  }
}

async function openAsked(request: OpenRequest, { device, addresses, mtu }: Asked): Promise<Tunnel> {
  const { signal, resolve, restart } = request;
  signal?.throwIfAborted();
  const lookup = (resolve === false ? undefined : resolve?.lookup) ?? systemLookup;
  const resolved = device && (await resolveConfig(device, lookup, signal));
  const { backend, reason } = await chooseBackend(request);
  let log = (_line: string) => {};
  const start: StartOptions = {
    name: request.name,
    logLevel: request.logLevel ?? "error",
    // A listener that throws must not end the reader of the log.
    onLog: (line) => queueMicrotask(() => log(line)),
    disable: disabledBy(request),
    detached: request.detached ?? false,
    ...(mtu === undefined ? {} : { mtu }),
    ...(signal && { signal }),
  };
  const up = request.config !== undefined || request.addresses !== undefined;
  const network = { addresses, up };
  const revival = restart
    ? revivalOf(restart === true ? {} : restart, backend, start, network)
    : undefined;
  const running = await launch(backend, start, network, resolved);
  try {
    const tunnel = new TunnelHandle({
      running,
      reason,
      watch: request,
      ...(device && { configured: device }),
      ...(revival && { revival }),
    });
    log = (line) => tunnel.emit("log", line);
    return tunnel;
  } catch (error) {
    await running.close();
    throw error;
  }
}

function disabledBy({ disable, env }: OpenRequest): readonly TunnelFeature[] {
  return disable ?? parseDisabled(env.WG_BRIDGE_DISABLE ?? "");
}

/** What the options and the configuration ask for together. */
interface Asked {
  readonly device: DeviceConfig | undefined;
  readonly addresses: readonly string[];
  readonly mtu: number | undefined;
}

function wantedBy({ config, addresses, mtu, listenPort }: OpenRequest): Asked {
  const port = listenPort === undefined ? {} : { listenPort };
  const isAsked = config !== undefined || listenPort !== undefined;
  return {
    device: isAsked ? { peers: [], ...config?.device, ...port } : undefined,
    addresses: addresses ?? config?.addresses ?? [],
    mtu: mtu ?? config?.mtu,
  };
}

/** What only a process of its own can do. */
function needOfProcess({ detached, restart }: OpenRequest): string | undefined {
  if (detached) return "detached";
  return restart ? "restart" : undefined;
}

async function chooseBackend(request: OpenRequest): Promise<OpenedBackend> {
  const { env } = request;
  const asked = parseBackendRequest(request.backend ?? (env.WG_BRIDGE_BACKEND || "auto"));
  const need = needOfProcess(request);
  if (need === undefined) return openBackend(asked, env);
  if (asked === "ffi") throw unsupportedError(need);
  const opened = await openBackend("exec", env);
  return asked === "exec" ? opened : { ...opened, reason: reasonFor(asked, need) };
}

function reasonFor(asked: BackendRequest, need: string): string {
  return `${asked} takes exec: ${need} needs a process of its own.`;
}

function unsupportedError(need: string): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_UNSUPPORTED",
    `The backend ffi cannot do "${need}": its engine lives and dies with this process. Use the backend exec.`,
  );
}

function revivalOf(
  options: ConstructorParameters<typeof Backoff>[0],
  backend: Backend,
  { signal: _spent, ...start }: StartOptions,
  network: Parameters<typeof launch>[2],
): Revival {
  return {
    backoff: new Backoff(options),
    start: (name, { device, link }, signal) =>
      launch(
        backend,
        { ...start, name, signal, ...(link && { mtu: link.mtu }) },
        { ...network, up: link?.up ?? network.up },
        device,
      ),
  };
}
