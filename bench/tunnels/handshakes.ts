import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { packageRoot } from "../../src/artifacts.js";
import { numberAt } from "./json.js";
import { type End, setConfiguration } from "./tunnel-pair.js";

/** The client: bench/handshakes, as scripts/build-go builds it. */
export const handshakesClientPath = `${packageRoot}/build/bench/handshakes`;

/** How long all of it may take, in milliseconds. */
const limit = 60_000;

/**
 * Returns how many handshake initiations a tunnel answers a second, each from another peer. The client keeps
 * so few under way that no engine asks for cookies.
 */
export async function handshakesPerSecond(end: End, count: number): Promise<number> {
  const args = [`127.0.0.1:${end.port}`, end.key.publicKey(), String(count)];
  const client = spawn(handshakesClientPath, args, { stdio: ["pipe", "pipe", "pipe"] });
  const timer = setTimeout(() => client.kill("SIGKILL"), limit);
  let complaint = "";
  client.stderr.setEncoding("utf8").on("data", (text) => {
    complaint += text;
  });
  try {
    const ended = once(client, "close");
    const lines = createInterface(client.stdout)[Symbol.asyncIterator]();
    const next = async (): Promise<string> => {
      const { value, done } = await lines.next();
      if (!done) return value;
      await ended;
      throw new Error(complaint.trim() || "The client of the handshakes ended without a result.");
    };
    const endpoint = await next();
    const peers: string[] = [];
    while (peers.length < count) {
      // Most engines take the endpoint from the initiation. Tailscale's fork does not.
      peers.push(`[Peer]\nPublicKey = ${await next()}\nEndpoint = ${endpoint}\n`);
    }
    await setConfiguration("addconf", end.interface, peers.join("\n"));
    client.stdin.end("go\n");
    const rate = numberAt(JSON.parse(await next()), "perSecond");
    if (rate === undefined) throw new Error("The client of the handshakes reports no rate.");
    return rate;
  } finally {
    clearTimeout(timer);
    client.kill("SIGKILL");
  }
}
