import { readdir } from "node:fs/promises";
import { systemCodeOf } from "../errors.js";
import { isServed, socketDirectory } from "../uapi/socket.js";
import { requireTrustedDirectory } from "../uapi/trust.js";
import { isInterfaceName } from "../values/interface-name.js";

/** What interfaces does, once it is loaded. */
export async function servedInterfaces(): Promise<readonly string[]> {
  requireTrustedDirectory(socketDirectory);
  const names = (await socketNames()).toSorted();
  const served = await Promise.all(names.map(isServed));
  return names.filter((_, index) => served[index]);
}

async function socketNames(): Promise<readonly string[]> {
  try {
    const files = await readdir(socketDirectory);
    const names = files.flatMap((file) => (file.endsWith(".sock") ? [file.slice(0, -5)] : []));
    // What cannot be an interface's name cannot be attached to either.
    return names.filter(isInterfaceName);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw error;
  }
}
