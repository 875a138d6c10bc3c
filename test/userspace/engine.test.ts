import { onlyInSandbox } from "../sandbox.js";
import { testClients } from "./clients.js";
import { openPair } from "./engines.js";
import { testStreams } from "./streams.js";

for (const backend of ["exec", "ffi"] as const) {
  describe(`two userspace tunnels on ${backend}`, function () {
    this.timeout(120_000);
    onlyInSandbox();

    const open = () => openPair({ near: { backend }, far: { backend } });
    describe("their sockets", () => testStreams(open, 100_000_000));
    describe("the clients of the web", () => testClients(open, true));
  });
}
