import { WgBridgeError } from "../../errors.js";

/** Reads the option --interval of --watch. Returns milliseconds. */
export function parseInterval(text = "1"): number {
  const seconds = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (seconds >= 0.1) return seconds * 1000;
  throw new WgBridgeError(
    "WG_BRIDGE_VALUE",
    `--interval=${text} is not valid: give seconds from 0.1 to 99999.`,
  );
}
