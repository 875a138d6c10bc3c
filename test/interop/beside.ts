import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import {
  type ConfigInput,
  openTunnel,
  PresharedKey,
  PrivateKey,
  type Tunnel,
  type TunnelOptions,
  type UserspaceOptions,
} from "../../src/index.js";
import type { Site } from "../userspace/site.js";

/** The two ends of a site. Sites that are open at the same time need different numbers. */
export interface BesideOptions {
  readonly number: number;
  readonly near: Partial<UserspaceOptions>;
  readonly far: Partial<TunnelOptions>;
  /** Of both ends, in bytes. */
  readonly mtu?: number;
}

/** A userspace tunnel whose peer is on TUN. What is behind it are the sockets of this process, in the kernel. */
export interface Beside extends Site {
  readonly far: Tunnel;
  readonly nearAddress6: string;
  readonly farAddress6: string;
}

/** Returns the name of the far end's interface, which a test can make before. */
export function farInterface(number: number): string {
  return `wgu${number}`;
}

/** Opens both ends over loopback, with a preshared key. */
export async function openBeside(options: BesideOptions): Promise<Beside> {
  const { number, near, far, mtu = 1420 } = options;
  const [nearAddress, farAddress] = [`10.61.${number}.1`, `10.61.${number}.2`];
  const [nearAddress6, farAddress6] = [`fd61:${number}::1`, `fd61:${number}::2`];
  const nearEnd = { key: PrivateKey.generate(), port: 53_000 + 10 * number };
  const farEnd = { key: PrivateKey.generate(), port: 53_001 + 10 * number };
  const presharedKey = PresharedKey.generate();
  const configOf = (own: End, peer: End, allowedIps: readonly string[]): ConfigInput => {
    const endpoint = `127.0.0.1:${peer.port}`;
    const publicKey = peer.key.publicKey();
    return {
      privateKey: own.key,
      listenPort: own.port,
      peers: [{ publicKey, presharedKey, endpoint, allowedIps }],
    };
  };
  const opened: Tunnel[] = [];
  const servers: (Server | { close(): unknown })[] = [];
  const close = async () => {
    for (const server of servers) server.close();
    await Promise.all(opened.map((tunnel) => tunnel.close()));
  };
  try {
    const farTunnel = await openTunnel({
      ...far,
      name: farInterface(number),
      mtu,
      addresses: [`${farAddress}/24`, `${farAddress6}/64`],
      config: configOf(farEnd, nearEnd, [nearAddress, nearAddress6]),
    });
    opened.push(farTunnel);
    const tunnel = await openTunnel({
      ...near,
      network: "userspace",
      mtu,
      addresses: [nearAddress, nearAddress6],
      config: configOf(nearEnd, farEnd, [farAddress, farAddress6]),
    });
    opened.push(tunnel);
    const attach = async (server: Server) => {
      servers.push(server.listen({ port: 0, host: "::" }));
      await once(server, "listening");
      return portOf(server.address());
    };
    return {
      tunnel,
      far: farTunnel,
      ...{ nearAddress, farAddress, nearAddress6, farAddress6 },
      attach,
      serve: (handle: (socket: Socket) => void) =>
        attach(createServer({ allowHalfOpen: true }, handle)),
      dial: (port) => connect({ host: nearAddress, port, allowHalfOpen: true }),
      async echoDatagrams() {
        const socket = createSocket({ type: "udp6" }).bind();
        servers.push(socket);
        socket.on("message", (payload, { port, address }) => socket.send(payload, port, address));
        await once(socket, "listening");
        return socket.address().port;
      },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface End {
  readonly key: PrivateKey;
  readonly port: number;
}

function portOf(address: ReturnType<Server["address"]>): number {
  if (address === null || typeof address === "string") throw new Error("It has no port.");
  return address.port;
}
