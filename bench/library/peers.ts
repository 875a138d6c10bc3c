import { randomBytes } from "node:crypto";

/** The text of a configuration file with so many peers, each with all that a peer can have. */
export function configWithPeers(count: number): string {
  const peers = Array.from({ length: count }, (_, index) => {
    const low = `${index >> 8}.${index & 255}`;
    return `
[Peer]
PublicKey = ${randomBytes(32).toString("base64")}
PresharedKey = ${randomBytes(32).toString("base64")}
Endpoint = 192.0.2.${index % 250}:${1024 + index}
AllowedIPs = 10.${low}.0/24, fd00:${index.toString(16)}::/64
PersistentKeepalive = 0
`;
  });
  return `[Interface]
PrivateKey = ${randomBytes(32).toString("base64")}
ListenPort = 51820
${peers.join("")}`;
}
