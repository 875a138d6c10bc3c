// Compiled, and never run: what the types of openTunnel allow and refuse.
import type { Socket } from "node:net";
import { openTunnel, PrivateKey, type Tunnel, type UserspaceTunnel } from "../../src/index.js";

/** The option network decides which tunnel there is. */
export async function openings(): Promise<void> {
  const config = { privateKey: PrivateKey.generate(), peers: [] };
  const userspace: UserspaceTunnel = await openTunnel({ network: "userspace", config });
  const tunnel: Tunnel = userspace;
  await tunnel.close();
  const socket: Socket = await userspace.connect({ host: "10.0.0.1", port: 80 });
  socket.end();
  // @ts-expect-error A port is a number.
  await userspace.connect({ host: "10.0.0.1", port: "80" });
  // @ts-expect-error A Unix socket of this machine is not in the tunnel.
  userspace.createConnection({ path: "/run/socket" });
  await using proxy = await userspace.proxy({
    socks5: ["1080"],
    expose: [{ port: 80, target: "3000" }],
  });
  const [count] = (await proxy.stats()).socks5;
  const active: number | undefined = count?.active;
  void active;
  // @ts-expect-error A forward leads to one target.
  await userspace.proxy({ forward: [{ listen: "80" }] });
  const plain = await openTunnel({ name: "wg0", config });
  // @ts-expect-error A tunnel with an interface has no sockets of its own.
  plain.connect({ host: "10.0.0.1", port: 80 });
  // @ts-expect-error A userspace tunnel needs a configuration.
  await openTunnel({ network: "userspace" });
  // @ts-expect-error It has no interface, and so no name.
  await openTunnel({ network: "userspace", config, name: "wg0" });
  // @ts-expect-error It cannot outlive its program.
  await openTunnel({ network: "userspace", config, detached: true });
  // @ts-expect-error An interface needs a name.
  await openTunnel({ network: "tun", config });
}
