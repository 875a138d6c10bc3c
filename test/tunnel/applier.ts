// node applier.js NAME PEERS FIRST TIMES: applies a configuration of so many peers, whose keys begin
// with the byte FIRST, so many times. It prints what was answered with a conflict.
import { attach, PrivateKey, WgBridgeError } from "../../src/index.js";
import { publicKeyFromBytes } from "../../src/values/key.js";

const [name = "", peers, first, times] = process.argv.slice(2);

const config = {
  // An odd one wants no private key.
  ...(Number(first) % 2 === 0
    ? { privateKey: PrivateKey.from(Buffer.alloc(32, Number(first))) }
    : {}),
  fwmark: Number(first),
  peers: Array.from({ length: Number(peers) }, (_, index) => {
    const key = Buffer.alloc(32, 1);
    key[0] = Number(first);
    key[1] = index;
    const publicKey = publicKeyFromBytes(key);
    return { publicKey, allowedIps: [`10.0.${index}.0/24`] };
  }),
};

await using tunnel = await attach(name);
for (let time = 0; time < Number(times); time++) {
  await tunnel.apply(config).catch((error) => {
    if (!(error instanceof WgBridgeError && error.code === "WG_BRIDGE_CONFLICT")) throw error;
    console.log("conflict");
  });
}
