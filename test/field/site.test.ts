import assert from "node:assert/strict";
import { pingAll } from "../ping.js";
import { onlyInSandbox } from "../sandbox.js";
import { inNamespace } from "../suite/commands.js";
import { captureReceiver } from "./flood.js";
import { serverNamespace } from "./namespaces.js";
import { pings } from "./pings.js";
import { peerProgram } from "./programs.js";
import { peerOf, Site } from "./site.js";

describe("a site of the field suite", () => {
  onlyInSandbox();

  it("has peers that share an uplink, and all answer", async () => {
    await using site = await Site.make(1);
    const server = await site.startServer(peerProgram, 1420);
    const peers = [await site.startPeer(0, 1, 1420), await site.startPeer(0, 2, 1420)];
    await server.configure(peers.map(peerOf));
    for (const peer of peers) await peer.connect(server, `${site.serverAddress}/32`);
    for (const { address } of peers) {
      await pingAll(address, 3, ["-i", "0.05"], inNamespace(serverNamespace));
    }
  });

  it("captures the receiver index of a peer's data messages", async () => {
    await using site = await Site.make(1);
    const server = await site.startServer(peerProgram, 1420);
    const peer = await site.startPeer(0, 1, 1420);
    await server.configure([peerOf(peer)]);
    await peer.connect(server, `${site.serverAddress}/32`);
    const capture = () =>
      captureReceiver(serverNamespace, site.serverPort, () =>
        pings(peer.namespace, site.serverAddress, 2, 0.05),
      );
    const index = await capture();
    assert.ok(index > 0);
    assert.equal(await capture(), index, "the index stays that of the session");
  });
});
