// What a project does with an installed wg-bridge: on each backend that the arguments name, opens two tunnels, pings
// through them and closes them. Prints which backend it was, or why there is none. The tests copy this file into a project.
import { execFileSync } from "node:child_process";
import { allowedIp, type BackendRequest, openTunnel, PrivateKey, WgBridgeError } from "wg-bridge";

function ip(...words: string[]): void {
  execFileSync("ip", words);
}

async function tryBackend(backend: BackendRequest): Promise<string> {
  const [nearKey, farKey] = [PrivateKey.generate(), PrivateKey.generate()];
  const far = await openTunnel({
    name: "wgfar",
    backend,
    listenPort: 51_820,
    config: {
      privateKey: farKey,
      peers: [{ publicKey: nearKey.publicKey(), allowedIps: [allowedIp("10.9.0.1")] }],
    },
  });
  const near = await openTunnel({
    name: "wgnear",
    backend,
    addresses: ["10.9.0.1/24"],
    config: {
      privateKey: nearKey,
      peers: [
        {
          publicKey: farKey.publicKey(),
          allowedIps: [allowedIp("10.9.0.2")],
          endpoint: { host: "127.0.0.1", port: 51_820 },
        },
      ],
    },
  });
  ip("netns", "add", "far");
  ip("link", "set", "wgfar", "netns", "far");
  ip("-n", "far", "address", "add", "10.9.0.2/24", "dev", "wgfar");
  ip("-n", "far", "link", "set", "wgfar", "up");
  execFileSync("ping", ["-n", "-c3", "-i0.02", "-w30", "10.9.0.2"]);
  const [peer] = (await near.status()).peers;
  if (peer?.latestHandshake === undefined) throw new Error("There was no handshake.");
  await Promise.all([near.close(), far.close()]);
  ip("netns", "delete", "far");
  return near.backend;
}

try {
  for (const backend of process.argv.slice(2)) {
    if (backend !== "auto" && backend !== "ffi" && backend !== "exec") throw new Error(backend);
    console.log(`${backend}: ${await tryBackend(backend)}`);
  }
} catch (error) {
  if (!(error instanceof WgBridgeError)) throw error;
  console.log(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
