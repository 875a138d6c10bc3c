import type { Server, Socket } from "node:net";
import {
  openTunnel,
  PrivateKey,
  type UserspaceOptions,
  type UserspaceTunnel,
} from "../../src/index.js";
import type { Site } from "./site.js";

/** Two userspace tunnels of one process over loopback, the second as what is behind the first. */
export interface PairOptions {
  readonly near?: Partial<UserspaceOptions>;
  readonly far?: Partial<UserspaceOptions>;
}

export const nearAddress = "10.70.0.1";
export const farAddress = "10.70.0.2";

/** An address that the far end's allowed IPs hold, and at which nobody answers. */
export const silentAddress = "10.70.0.99";

export interface EnginePair extends Site {
  readonly far: UserspaceTunnel;
}

/** Opens the two ends. The ports are the kernel's choice, so that many pairs can be open at once. */
export async function openPair({ near = {}, far = {} }: PairOptions = {}): Promise<EnginePair> {
  const [nearKey, farKey] = [PrivateKey.generate(), PrivateKey.generate()];
  const opened: UserspaceTunnel[] = [];
  const open = async (options: UserspaceOptions) => {
    const tunnel = await openTunnel(options);
    opened.push(tunnel);
    return tunnel;
  };
  try {
    const farTunnel = await open({
      ...far,
      network: "userspace",
      addresses: [farAddress],
      config: {
        privateKey: farKey,
        peers: [{ publicKey: nearKey.publicKey(), allowedIps: [`${nearAddress}/32`] }],
      },
    });
    const { listenPort } = await farTunnel.status();
    const nearTunnel = await open({
      ...near,
      network: "userspace",
      addresses: [nearAddress],
      config: {
        privateKey: nearKey,
        peers: [
          {
            publicKey: farKey.publicKey(),
            endpoint: `127.0.0.1:${listenPort}`,
            allowedIps: [`${farAddress}/32`, `${silentAddress}/32`],
          },
        ],
      },
    });
    // So that the far end knows where the near one is, and can connect to it.
    await nearTunnel.ping(farAddress);
    return siteOf(nearTunnel, farTunnel);
  } catch (error) {
    await Promise.all(opened.map((tunnel) => tunnel.close()));
    throw error;
  }
}

function siteOf(tunnel: UserspaceTunnel, far: UserspaceTunnel): EnginePair {
  const listen = async (handle: (socket: Socket) => void) => {
    const server = await far.listen({ port: 0, allowHalfOpen: true });
    server.on("connection", handle);
    return server.address()?.port ?? 0;
  };
  return {
    tunnel,
    far,
    farAddress,
    nearAddress,
    serve: listen,
    attach: (server: Server) => listen((socket) => server.emit("connection", socket)),
    dial: (port) => far.createConnection({ host: nearAddress, port, allowHalfOpen: true }),
    async echoDatagrams() {
      const socket = await far.datagram();
      socket.on("message", (payload, { port, address }) => socket.send(payload, port, address));
      return socket.address().port;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([tunnel.close(), far.close()]);
    },
  };
}
