import { PresharedKey, PrivateKey } from "../values/key.js";
import type { DeviceConfig } from "./config.js";

/** Overwrites the keys of a configuration, a status or a change that is no longer needed. */
export function destroySecrets({
  privateKey,
  peers = [],
}: {
  readonly privateKey?: PrivateKey | "remove";
  readonly peers?: readonly { readonly presharedKey?: PresharedKey | "remove" }[];
}): void {
  if (privateKey !== "remove") privateKey?.destroy();
  for (const { presharedKey } of peers) if (presharedKey !== "remove") presharedKey?.destroy();
}

/** Copies a configuration and its keys, so that whoever destroys the original keys leaves the copies intact. */
export function withOwnSecrets(device: DeviceConfig): DeviceConfig {
  const { privateKey } = device;
  const peers = device.peers.map((peer) =>
    peer.presharedKey === undefined
      ? peer
      : { ...peer, presharedKey: PresharedKey.from(peer.presharedKey) },
  );
  return {
    ...device,
    peers,
    ...(privateKey && { privateKey: PrivateKey.from(privateKey) }),
  };
}
