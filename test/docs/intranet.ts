// node intranet.js COMMAND [ARGUMENT...]: runs a command in a directory with the configuration wg0.conf. Its peer has a
// name server, http://intranet/ and https://intranet.example.org/, whose certificate the command's Node.js trusts. The
// exit status is the command's.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import http, { type RequestListener } from "node:http";
import https from "node:https";
import type { Server } from "node:net";
import { openTunnel, PrivateKey } from "../../src/index.js";
import { makeCertificate } from "../userspace/certificate.js";
import { serveNames } from "../userspace/name-server.js";

const [nearAddress, farAddress] = ["10.73.0.2", "10.73.0.1"];
const [near, far] = [PrivateKey.generate(), PrivateKey.generate()];
const [short, long] = ["intranet", "intranet.example.org"];

await using tunnel = await openTunnel({
  network: "userspace",
  addresses: [farAddress],
  config: {
    privateKey: far,
    peers: [{ publicKey: near.publicKey(), allowedIps: [`${nearAddress}/32`] }],
  },
});
const { listenPort } = await tunnel.status();
writeFileSync(
  "wg0.conf",
  `[Interface]
PrivateKey = ${near.toBase64()}
Address = ${nearAddress}/32
DNS = ${farAddress}
[Peer]
PublicKey = ${far.publicKey()}
Endpoint = 127.0.0.1:${listenPort}
AllowedIPs = ${farAddress}/32
`,
  { mode: 0o600 },
);
serveNames(await tunnel.datagram({ port: 53 }), { [short]: farAddress, [long]: farAddress });

const page: RequestListener = (_, response) => response.end("the intranet\n");
const certificate = makeCertificate(farAddress, long);
writeFileSync("authority.pem", certificate.cert);
const servers: readonly (readonly [number, Server])[] = [
  [80, http.createServer(page)],
  [443, https.createServer(certificate, page)],
];
for (const [port, server] of servers) {
  const listening = await tunnel.listen({ port, allowHalfOpen: true });
  listening.on("connection", (socket) => server.emit("connection", socket));
}

const [program = "", ...words] = process.argv.slice(2);
const env = { ...process.env, NODE_EXTRA_CA_CERTS: "authority.pem" };
const [code] = await once(spawn(program, words, { stdio: "inherit", env }), "exit");
process.exitCode = typeof code === "number" ? code : 128;
