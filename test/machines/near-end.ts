import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { openTunnel, type TunnelOptions } from "../../src/index.js";
import { pingAll } from "../ping.js";

// far-end.ts has this run on another machine: node near-end.js OPTIONS ADDRESS PORT. It opens a tunnel with these options
// (JSON), pings the far end's address, and sends data to the echo server there. Then it prints "passed", and closes the
// tunnel at the end of its standard input.

const [options = "", address = "", port] = process.argv.slice(2);
const parsed: TunnelOptions = JSON.parse(options);
await using tunnel = await openTunnel(parsed);
await pingAll(address, 3, ["-i", "0.2"]);

const sent = randomBytes(1 << 20);
const socket = connect(Number(port), address);
socket.end(sent);
const received = createHash("sha256");
for await (const chunk of socket) received.update(chunk);
assert.equal(received.digest("hex"), createHash("sha256").update(sent).digest("hex"));

const { peers } = await tunnel.status();
assert.ok(peers[0]?.latestHandshake, "there was no handshake");
console.log("passed");
process.stdin.resume();
await once(process.stdin, "end");
