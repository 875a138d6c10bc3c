import { hostname } from "node:os";
import { parseAddress } from "../../values/address.js";

/**
 * Whether a request's Host header names this server: by any address, as localhost, by this machine's name, or
 * by one of `names`. A page on the web can have its own name resolved to this machine (DNS rebinding), and
 * would then be shown the metrics by a browser here; but the browser says that name. HTTP/1.0 need not have
 * the header; browsers always send it.
 */
export function isOwnHost(header: string | undefined, names: readonly string[]): boolean {
  if (header === undefined) return true;
  const [, inBrackets, plain = ""] = /^(?:\[([^[\]]*)\]|([^:]*))(?::\d*)?$/.exec(header) ?? [];
  const host = normal(inBrackets ?? plain);
  const [address = ""] = host.split("%", 1);
  if (parseAddress(address) !== undefined) return true;
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  return [hostname(), ...names].some((name) => normal(name) === host);
}

/** Names differ neither by case nor by the dot of the root. */
function normal(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
