import { readFileSync } from "node:fs";
import { systemCodeOf } from "../errors.js";

/** The state of a network interface. */
export interface Link {
  readonly up: boolean;
  /** Bytes. */
  readonly mtu: number;
}

/** IFF_UP of netdevice(7). */
const flagUp = 1;

/** Reads an interface's state, or returns undefined if it is not in this network namespace. */
export function readLink(name: string): Link | undefined {
  try {
    const read = (file: string) => Number(readFileSync(`/sys/class/net/${name}/${file}`, "utf8"));
    return { up: (read("flags") & flagUp) !== 0, mtu: read("mtu") };
  } catch (error) {
    if (["ENOENT", "ENODEV", "EINVAL"].includes(systemCodeOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** As readLink, but returns the last known state if the interface cannot be read now. */
export function readLinkOr(name: string, known: Link | undefined): Link | undefined {
  try {
    return readLink(name) ?? known;
  } catch {
    return known;
  }
}
