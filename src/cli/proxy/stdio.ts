import { once } from "node:events";
import type { HostPort } from "../../proxy/address.js";
import type { UserspaceTunnel } from "../../userspace/tunnel.js";

/**
 * Joins standard input and output to a target in the tunnel, and resolves when the target has ended its side, as
 * ssh's ProxyCommand wants it. The end of standard input ends this side alone.
 * @throws why the connection failed
 */
export async function joinStdio(
  tunnel: UserspaceTunnel,
  { host, port }: HostPort,
  signal: AbortSignal,
): Promise<void> {
  const socket = await tunnel.connect({ host, port, allowHalfOpen: true, noDelay: true }, signal);
  const { stdin, stdout } = process;
  const stop = () => socket.destroy();
  signal.addEventListener("abort", stop, { once: true });
  stdin.on("error", stop);
  stdin.pipe(socket);
  try {
    for await (const piece of socket) {
      if (!stdout.write(piece)) await once(stdout, "drain");
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    stdin.destroy(); // otherwise the process would wait for it
  }
}
