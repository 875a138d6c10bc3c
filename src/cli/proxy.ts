import { destroySecrets } from "../device/secrets.js";
import { messageOf } from "../errors.js";
import { formatSocketAddress, type HostPort } from "../proxy/address.js";
import { type ProxyOptions, parseProxyOptions } from "../proxy/options.js";
import type { CheckedProxySpec, ProxySpec } from "../proxy/spec.js";
import { parseBackendRequest } from "../strategy/choose.js";
import { openTunnel } from "../tunnel/open.js";
import type { RunningProxy } from "../userspace/proxy.js";
import type { UserspaceTunnel } from "../userspace/tunnel.js";
import { argumentError, readArguments } from "./arguments.js";
import { type ProxyConfiguration, readProxyConfiguration } from "./proxy/configuration.js";
import { Messages } from "./proxy/messages.js";
import type { Subject } from "./proxy/offers.js";
import { parseInterval } from "./show/interval.js";

/** How long connections may go on after SIGTERM, in milliseconds. */
const grace = 5000;

/** How often a lost engine is started in a row, over three seconds, before this program gives up. */
const restartAttempts = 5;

/**
 * `wg-bridge proxy [OPTION...] CONFIG`: offers a tunnel to other programs until SIGTERM or SIGINT, or with --stdio
 * until that connection ends, and returns 0. SIGHUP reads all files again.
 * @throws why it did not start, or has ended otherwise
 */
export async function proxyCommand(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const { values, positionals } = readArguments("proxy", args);
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0) throw argumentError("proxy", "Give one file");
  const options = parseProxyOptions(values);
  if (file === "-" && options.stdio !== undefined) {
    throw argumentError("proxy", "With --stdio, standard input cannot be the configuration");
  }
  const backend = parseBackendRequest(values.backend ?? (env.WG_BRIDGE_BACKEND || "auto"));
  const watching = values.watch ? { env, interval: parseInterval(values.interval) } : undefined;
  const signals = new Signals();
  const messages = new Messages();
  try {
    const wanted = await readProxyConfiguration(file, options, env);
    if (watching && wanted.stdio) {
      throw argumentError("proxy", "With --stdio, standard output cannot show what --watch sees");
    }
    for (const warning of wanted.warnings) messages.say(`Warning: ${warning}`);
    await using tunnel = await open(wanted, backend, values.verbose ?? false, signals.stop);
    tellLosses(tunnel.on("log", messages.say), messages);
    const proxy = await tunnel.proxy(specOf(wanted.spec), signals.stop);
    await serve(tunnel, proxy, wanted, { file, options, env, signals, messages, watching });
    return 0;
  } catch (error) {
    if (signals.stop.aborted && error === signals.stop.reason) return 0;
    throw error;
  } finally {
    signals[Symbol.dispose]();
  }
}

/** SIGTERM and SIGINT as an AbortSignal, and what else signals ask for. */
class Signals implements Disposable {
  readonly #stop = new AbortController();
  readonly #again = new AbortController();
  readonly #hup = () => this.onReload();
  readonly #term = () => {
    if (this.#stop.signal.aborted) this.#again.abort();
    this.#stop.abort();
  };
  /** Keeps the process alive: listeners for signals do not. */
  readonly #alive = setInterval(() => {}, 2 ** 30);
  onReload = () => {};

  constructor() {
    process.on("SIGTERM", this.#term).on("SIGINT", this.#term).on("SIGHUP", this.#hup);
  }

  /** Fires at the first of them. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  /** Fires at the second: somebody does not want to wait. */
  get again(): AbortSignal {
    return this.#again.signal;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#alive);
    process.off("SIGTERM", this.#term).off("SIGINT", this.#term).off("SIGHUP", this.#hup);
  }
}

async function open(
  { config }: ProxyConfiguration,
  backend: ReturnType<typeof parseBackendRequest>,
  verbose: boolean,
  signal: AbortSignal,
): Promise<UserspaceTunnel> {
  try {
    const logLevel = verbose ? "verbose" : "error";
    // The engine of ffi lives and dies with this process.
    const restart = backend === "ffi" ? false : { attempts: restartAttempts };
    return await openTunnel({
      network: "userspace",
      config,
      backend,
      logLevel,
      signal,
      restart,
    });
  } finally {
    destroySecrets(config);
  }
}

function tellLosses(tunnel: UserspaceTunnel, { say }: Messages): void {
  tunnel.on("restarting", ({ cause, delay }) => {
    say(`${cause} It is started again in ${delay} ms.`);
  });
  tunnel.on("restarted", () => say("The tunnel was started again, and its proxies with it."));
}

/** Whether an address may be open to everybody was decided when the options were read. */
function specOf(spec: CheckedProxySpec): ProxySpec {
  return { ...spec, open: true };
}

interface Surroundings {
  readonly file: string;
  readonly options: ProxyOptions;
  readonly env: NodeJS.ProcessEnv;
  readonly signals: Signals;
  readonly messages: Messages;
  readonly watching: { readonly env: NodeJS.ProcessEnv; readonly interval: number } | undefined;
}

async function serve(
  tunnel: UserspaceTunnel,
  proxy: RunningProxy,
  { spec, stdio, checkAlive }: ProxyConfiguration,
  { file, options, env, signals, messages, watching }: Surroundings,
): Promise<void> {
  const { say } = messages;
  const subject: Subject = { tunnel, proxy, spec, checkAlive };
  using health = await serveHealth(options.metrics, subject);
  if (health !== undefined)
    say(`/metrics and /readyz at http://${formatSocketAddress(health.address)}`);
  sayAddresses(proxy, spec, messages);
  let reloading = Promise.resolve();
  signals.onReload = () => {
    reloading = reloading.then(async () => {
      try {
        const wanted = await readProxyConfiguration(file, options, env);
        await change(tunnel, proxy, wanted);
        Object.assign(subject, { spec: wanted.spec, checkAlive: wanted.checkAlive });
        for (const warning of wanted.warnings) say(`Warning: ${warning}`);
        say("All files were read again.");
        sayAddresses(proxy, wanted.spec, messages);
      } catch (error) {
        say(`The files were read again, and not all of them is used: ${messageOf(error)}`);
      }
    });
  };
  const stopped = new Promise<void>((resolve) => {
    signals.stop.addEventListener("abort", () => resolve(), { once: true });
    if (signals.stop.aborted) resolve();
  });
  const lost = tunnel.closed.then(({ message }) => {
    throw new Error(message);
  });
  const over = new AbortController();
  const watched = watching && watch(subject, messages, watching, over.signal);
  const ends = [stopped, lost, watched, stdio && join(tunnel, stdio, signals.stop)];
  try {
    await Promise.race(ends.filter((end) => end !== undefined));
  } finally {
    over.abort();
    await watched?.catch(() => {}); // it restores the terminal; its failure was that of the race
  }
  signals.onReload = () => {};
  const impatient = new Promise<void>((resolve) => {
    signals.again.addEventListener("abort", () => resolve(), { once: true });
  });
  await Promise.race([proxy.close({ timeout: grace }), impatient]);
}

async function serveHealth(
  listen: HostPort | undefined,
  subject: Parameters<typeof import("./proxy/health.js").serveHealth>[1],
) {
  if (listen === undefined) return undefined;
  const health = await import("./proxy/health.js");
  return health.serveHealth(listen, subject);
}

/** Shows what goes on until the user quits, or the signal fires. */
async function watch(
  ...[subject, messages, options, signal]: Parameters<typeof import("./proxy/watch.js").watchProxy>
): Promise<void> {
  const { watchProxy } = await import("./proxy/watch.js");
  await watchProxy(subject, messages, options, signal);
}

async function join(tunnel: UserspaceTunnel, target: HostPort, signal: AbortSignal): Promise<void> {
  const { joinStdio } = await import("./proxy/stdio.js");
  await joinStdio(tunnel, target, signal);
}

/** Changes what runs, without ending a connection. */
async function change(
  tunnel: UserspaceTunnel,
  proxy: RunningProxy,
  { spec, config }: ProxyConfiguration,
): Promise<void> {
  try {
    await proxy.update(specOf(spec));
    await tunnel.apply(config);
  } finally {
    destroySecrets(config);
  }
}

function sayAddresses(
  { addresses }: RunningProxy,
  spec: CheckedProxySpec,
  { say }: Messages,
): void {
  for (const address of addresses.socks5) say(`SOCKS5 at ${formatSocketAddress(address)}`);
  for (const address of addresses.http) say(`HTTP at ${formatSocketAddress(address)}`);
  for (const [index, { protocol, target }] of spec.forward.entries()) {
    const address = addresses.forward[index];
    if (address === undefined) continue;
    say(`${protocol} ${formatSocketAddress(address)} leads to ${formatSocketAddress(target)}`);
  }
  for (const { protocol, port, target } of spec.expose) {
    say(`${protocol} port ${port} of the tunnel leads to ${formatSocketAddress(target)}`);
  }
}
