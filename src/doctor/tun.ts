import type { Finding } from "./finding.js";

/** What trying to open /dev/net/tun gave. */
export type TunFacts =
  | { readonly state: "open" }
  /** It is there, but not the character device 10:200. */
  | { readonly state: "other-file"; readonly is: string }
  /** The code of the system call that failed: ENOENT, EACCES, ... */
  | { readonly state: "failed"; readonly code: string };

const makeDevice = "mkdir -p /dev/net && mknod /dev/net/tun c 10 200 && chmod 666 /dev/net/tun";
const giveContainerDevice = "docker run --cap-add NET_ADMIN --device /dev/net/tun ...";

/** Judges the TUN device. Pure. */
export function findTun(facts: TunFacts): Finding {
  const base = { id: "tun", title: "/dev/net/tun" };
  if (facts.state === "open") return { ...base, mark: "ok", detail: "can be opened", cures: [] };
  const { detail, cures } =
    facts.state === "other-file"
      ? {
          detail: `is ${facts.is}, not the character device 10:200`,
          cures: [`rm -r /dev/net/tun && ${makeDevice}`],
        }
      : explainFailure(facts.code);
  return { ...base, mark: "lack", detail, cures };
}

function explainFailure(code: string): { detail: string; cures: string[] } {
  switch (code) {
    case "ENOENT":
      return {
        detail: "does not exist",
        cures: ["modprobe tun", makeDevice, giveContainerDevice],
      };
    case "ENODEV":
    case "ENXIO":
      return { detail: `has no driver in this kernel (${code})`, cures: ["modprobe tun"] };
    case "EACCES":
      return {
        detail: "may not be opened by this user (EACCES)",
        cures: ["sudo chmod 666 /dev/net/tun"],
      };
    case "EPERM":
      return {
        detail: "is forbidden to this container (EPERM)",
        cures: [giveContainerDevice],
      };
    default:
      return { detail: `cannot be opened (${code})`, cures: [makeDevice] };
  }
}
