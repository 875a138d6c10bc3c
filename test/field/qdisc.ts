import { run } from "../suite/commands.js";
import { serverNamespace, type Uplink } from "./namespaces.js";

/** The kinds of limits and queues of an uplink's path. */
export const qdiscKinds = ["htb-pfifo", "htb-fq_codel", "tbf", "fq_codel"] as const;

export type Qdisc = (typeof qdiscKinds)[number];

/**
 * Adds a qdisc to the server's end of an uplink.
 * @param rate Mbit/s. Plain fq_codel ignores it.
 */
export async function limitUplink(uplink: Uplink, qdisc: Qdisc, rate: number): Promise<void> {
  const add = (object: "qdisc" | "class", ...words: readonly string[]) =>
    run("tc", "-n", serverNamespace, object, "add", "dev", uplink.interface, ...words);
  if (qdisc === "fq_codel") {
    await add("qdisc", "root", "fq_codel");
  } else if (qdisc === "tbf") {
    await add("qdisc", "root", ..."tbf burst 32kb latency 400ms rate".split(" "), `${rate}mbit`);
  } else {
    // Like a netdev's own queue, pfifo counts packets, whatever their size.
    const queue = qdisc === "htb-pfifo" ? ["pfifo", "limit", "1000"] : ["fq_codel"];
    await add("qdisc", ..."root handle 1: htb default 10".split(" "));
    await add("class", ..."parent 1: classid 1:10 htb rate".split(" "), `${rate}mbit`);
    await add("qdisc", "parent", "1:10", ...queue);
  }
}

/** Returns why this kernel does not support a qdisc, or undefined if it does. Changes lo meanwhile. */
export async function qdiscObstacle(qdisc: Qdisc): Promise<string | undefined> {
  for (const kind of qdisc.split("-")) {
    const rate = kind === "tbf" ? "burst 32kb latency 400ms rate 1mbit".split(" ") : [];
    try {
      await run("tc", "qdisc", "add", "dev", "lo", "root", kind, ...rate);
    } catch {
      return `this kernel has no ${kind}`;
    }
    await run("tc", "qdisc", "delete", "dev", "lo", "root");
  }
  return undefined;
}

/** Returns how many packets wait in the qdiscs of an uplink. A joined packet counts once. */
export async function queuedPackets(uplink: Uplink): Promise<number> {
  const words = ["-s", "qdisc", "show", "dev", uplink.interface];
  const output = await run("tc", "-n", serverNamespace, ...words);
  return Math.max(
    0,
    ...[...output.matchAll(/backlog \S+ (\d+)p/g)].map(([, count]) => Number(count)),
  );
}
