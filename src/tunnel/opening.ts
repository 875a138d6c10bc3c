import type { Backend, StartOptions } from "../backends/backend.js";
import { parseDisabled, type TunnelFeature } from "../backends/features.js";
import type { DeviceConfig } from "../device/config.js";
import { WgBridgeError } from "../errors.js";
import { type BackendRequest, parseBackendRequest } from "../strategy/choose.js";
import { type OpenedBackend, openBackend } from "../strategy/open.js";
import { checkListenPort, checkMtu } from "../values/number.js";
import { TunnelEvents } from "./events.js";
import { readInput } from "./input.js";
import { launch } from "./launch.js";
import type { TunnelOptions } from "./options.js";
import { OwnedTunnel, type Revival } from "./owned.js";
import { resolveConfig, systemLookup } from "./resolve.js";
import { Backoff } from "./restart.js";
import type { Tunnel } from "./tunnel.js";

/** What openTunnel does, once it is loaded. */
export async function open(options: TunnelOptions): Promise<Tunnel> {
  const { signal, resolve } = options;
  signal?.throwIfAborted();
  const { device, addresses, mtu } = await readWanted(options);
  const lookup = (resolve === false ? undefined : resolve?.lookup) ?? systemLookup;
  const resolved = device && (await resolveConfig(device, lookup, signal));
  const { backend, reason } = await chooseBackend(options);
  const events = new TunnelEvents();
  const start: StartOptions = {
    name: options.name,
    logLevel: options.logLevel ?? "error",
    // A listener that throws must not end the reader of the log.
    onLog: (line) => queueMicrotask(() => events.emit("log", line)),
    disable: disabledBy(options),
    detached: options.detached ?? false,
    ...(mtu === undefined ? {} : { mtu: checkMtu(mtu) }),
    ...(signal && { signal }),
  };
  const up = options.config !== undefined || options.addresses !== undefined;
  const network = { addresses, up };
  const running = await launch(backend, start, network, resolved);
  const revival = options.restart
    ? revivalOf(options.restart === true ? {} : options.restart, backend, start, network)
    : undefined;
  return new OwnedTunnel({
    running,
    reason,
    events,
    watch: options,
    ...(device && { configured: device }),
    ...(revival && { revival }),
  });
}

function disabledBy({ disable, env = process.env }: TunnelOptions): readonly TunnelFeature[] {
  return parseDisabled(disable?.join(",") ?? env.WG_BRIDGE_DISABLE ?? "");
}

async function readWanted({ config, addresses, mtu, listenPort }: TunnelOptions) {
  const input = config === undefined ? undefined : await readInput(config);
  const port = listenPort === undefined ? {} : { listenPort: checkListenPort(listenPort) };
  const asked = input !== undefined || listenPort !== undefined;
  const device: DeviceConfig = { peers: [], ...input?.device, ...port };
  return {
    device: asked ? device : undefined,
    addresses: addresses ?? input?.addresses ?? [],
    mtu: mtu ?? input?.mtu,
  };
}

/** What only a process of its own can do. */
function needOfProcess({ detached, restart }: TunnelOptions): string | undefined {
  if (detached) return "detached";
  return restart ? "restart" : undefined;
}

async function chooseBackend(options: TunnelOptions): Promise<OpenedBackend> {
  const env = options.env ?? process.env;
  const asked = parseBackendRequest(options.backend ?? (env.WG_BRIDGE_BACKEND || "auto"));
  const need = needOfProcess(options);
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
