import type { DeviceStatus, PeerStatus } from "../../device/status.js";
import { printable } from "../../text/printable.js";
import { formatAddressAsLibc, parseAddress } from "../../values/address.js";
import type { AllowedIp } from "../../values/allowed-ip.js";
import { formatEndpoint } from "../../values/endpoint.js";
import { withZoneName } from "./zone.js";

/** An interface and what its device says. */
export interface Shown {
  readonly name: string;
  readonly status: DeviceStatus;
}

/** wg(8)'s word for what is not there. */
export const none = "(none)";

/** An endpoint as wg(8) prints it. */
export function endpointText({ endpoint }: PeerStatus): string {
  if (endpoint === undefined) return none;
  const { host, port } = withZoneName(endpoint);
  const [address = "", zone] = host.split("%");
  return formatEndpoint({
    host: libcAddress(address) + (zone === undefined ? "" : `%${printable(zone)}`),
    port,
  });
}

/** A prefix's two parts as wg(8) prints them. */
export function prefixParts(prefix: AllowedIp): readonly [address: string, length: string] {
  const [address = "", length = ""] = prefix.split("/");
  return [libcAddress(address), length];
}

/** A prefix as wg(8) prints it. */
export function prefixText(prefix: AllowedIp): string {
  return prefixParts(prefix).join("/");
}

function libcAddress(text: string): string {
  const bytes = parseAddress(text);
  return bytes === undefined ? text : formatAddressAsLibc(bytes);
}

/** A mark as wg(8) prints it. */
export function fwmarkText({ fwmark }: DeviceStatus): string {
  return fwmark ? `0x${fwmark.toString(16)}` : "off";
}

/** Seconds since 1970 of the latest handshake, 0 where there was none. */
export function handshakeSeconds({ latestHandshake }: PeerStatus): number {
  return Math.floor((latestHandshake?.getTime() ?? 0) / 1000);
}
