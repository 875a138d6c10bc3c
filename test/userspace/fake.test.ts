import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { openFakeTunnel } from "../station/engine.js";
import { testClients } from "./clients.js";
import type { Site } from "./site.js";
import { testStreams } from "./streams.js";

/** A site whose tunnel is a FakeStation, behind which is this machine's loopback. */
async function openSite(): Promise<Site> {
  const fake = await openFakeTunnel();
  const closing: (() => void)[] = [];
  const listen = async (server: Server) => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(() => server.close());
    const bound = server.address();
    return bound !== null && typeof bound === "object" ? bound.port : 0;
  };
  return {
    tunnel: fake.tunnel,
    farAddress: "127.0.0.1",
    nearAddress: "127.0.0.1",
    serve: (handle) => listen(createServer({ allowHalfOpen: true }, handle)),
    attach: listen,
    dial: (port) => connect({ port, host: "127.0.0.1", allowHalfOpen: true }),
    async echoDatagrams() {
      const udp = createSocket("udp4");
      udp.on("message", (payload, { port, address }) => udp.send(payload, port, address));
      udp.bind(0, "127.0.0.1");
      await once(udp, "listening");
      closing.push(() => udp.close());
      return udp.address().port;
    },
    async [Symbol.asyncDispose]() {
      for (const close of closing) close();
      await fake[Symbol.asyncDispose]();
    },
  };
}

describe("the clients of the web over a userspace tunnel", () => {
  testClients(openSite, false);
});

describe("a socket of a userspace tunnel", () => {
  testStreams(openSite, 16 << 20);
});
