import { type AllowedIp, allowedIp } from "../values/allowed-ip.js";
import { hostName } from "./address.js";
import { TextProblem } from "./text-problem.js";

/**
 * What clients of SOCKS5 and HTTP may reach: a prefix, a host name, or "*.example.org" for every name below that one.
 * A target that a client gives as a name is allowed by its name or by the address that it has in the tunnel.
 */
export type AllowedTarget = AllowedIp | string;

/** Reads "10.0.0.0/8", "fd00::1", "db.example.org" or "*.example.org". Throws TextProblem. */
export function parseAllowed(text: string): AllowedTarget {
  const prefix = prefixOf(text);
  if (prefix !== undefined) return prefix;
  const wildcard = text.startsWith("*.") ? "*." : "";
  const name = hostName(text.slice(wildcard.length));
  if (name !== undefined) return wildcard + name;
  throw new TextProblem(
    "this is neither a prefix nor a host name",
    "a prefix such as 10.0.0.0/8, a name such as db.example.org, or *.example.org for all names below it",
  );
}

function prefixOf(text: string): AllowedIp | undefined {
  try {
    return allowedIp(text);
  } catch {
    return undefined;
  }
}
