import { run, serverNamespace, type Uplink } from "./namespaces.js";

/** How the path of an uplink is limited, and what queues there. */
export type Qdisc = "htb-pfifo" | "htb-fq_codel" | "tbf" | "fq_codel";

/** The queue that netdevs have by default counts packets, whatever their size. */
const pfifo = ["pfifo", "limit", "1000"];

/** Sends what the server sends by this uplink through a qdisc; at so many Mbit/s, but for plain fq_codel. */
export async function limitUplink(uplink: Uplink, qdisc: Qdisc, rate: number): Promise<void> {
  const tc = (...words: readonly string[]) => {
    const [verb = "", object = "", ...rest] = words;
    const words_ = ["-n", serverNamespace, verb, object, "dev", uplink.interface, ...rest];
    return run("tc", ...words_);
  };
  const root = ["qdisc", "add", "root"];
  if (qdisc === "fq_codel") {
    await tc(...root, "fq_codel");
  } else if (qdisc === "tbf") {
    await tc(...root, "tbf", "rate", `${rate}mbit`, "burst", "32kb", "latency", "400ms");
  } else {
    await tc(...root, "handle", "1:", "htb", "default", "10");
    await tc("class", "add", "parent", "1:", "classid", "1:10", "htb", "rate", `${rate}mbit`);
    const queue = qdisc === "htb-pfifo" ? pfifo : ["fq_codel"];
    await tc("qdisc", "add", "parent", "1:10", ...queue);
  }
}
