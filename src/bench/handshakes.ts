import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { handshakesClientPath } from "../artifacts.js";
import { numberAt } from "./json.js";
import { setConfiguration, type TunnelPair } from "./tunnel-pair.js";

/** How long answers may take, in milliseconds. */
const limit = 60_000;

/**
 * How many handshake initiations a tunnel answers a second, each from another peer. The client keeps
 * fewer under way than what makes an engine ask for cookies.
 */
export async function handshakesPerSecond(end: TunnelPair["near"], count: number): Promise<number> {
  const args = [`127.0.0.1:${end.port}`, end.key.publicKey(), String(count)];
  const client = spawn(handshakesClientPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const timer = setTimeout(() => client.kill("SIGKILL"), limit);
  try {
    const ended = once(client, "close");
    const lines = createInterface(client.stdout)[Symbol.asyncIterator]();
    const peers: string[] = [];
    while (peers.length < count) {
      const { value, done } = await lines.next();
      if (done) throw new Error("The client of the handshakes ended at its start.");
      peers.push(`[Peer]\nPublicKey = ${value}\n`);
    }
    await setConfiguration("addconf", end.interface, peers.join("\n"));
    client.stdin.end("go\n");
    const { value: answer } = await lines.next();
    await ended;
    const rate = numberAt(JSON.parse(answer ?? "null"), "perSecond");
    if (rate === undefined) throw new Error("The client of the handshakes ended without a result.");
    return rate;
  } finally {
    clearTimeout(timer);
    client.kill("SIGKILL");
  }
}
