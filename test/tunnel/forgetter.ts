// node forgetter.js BACKEND TIMES: opens the tunnel wgm1 with the private key of 32 bytes that comes on
// descriptor 3, asks it so many times for its status, closes it and destroys every key that it was given.
// Then it writes a byte to descriptor 4, and ends when another comes on descriptor 3.
import { readSync, writeSync } from "node:fs";
import { openTunnel, PrivateKey } from "../../src/index.js";

const [backend, times] = process.argv.slice(2);
if (backend !== "ffi" && backend !== "exec") throw new Error("ffi or exec?");

const bytes = Buffer.from(new ArrayBuffer(32)); // a smaller one would be moved about, and leave copies
readSync(3, bytes);
const privateKey = PrivateKey.from(bytes);
bytes.fill(0);
const config = { privateKey, peers: [] };
const tunnel = await openTunnel({ name: "wgm1", backend, restart: backend === "exec", config });
tunnel.on("handshake", () => {}); // the device is watched, too
for (let time = 0; time < Number(times); time++) (await tunnel.status()).privateKey?.destroy();
await tunnel.apply(config);
await tunnel.update({ fwmark: 7, listenPort: 0 });
await tunnel.close();
privateKey.destroy();
// Node.js has OpenSSL calculate public keys, whose copy is overwritten once JavaScript has collected its own.
globalThis.gc?.();
writeSync(4, "x");
readSync(3, bytes);
