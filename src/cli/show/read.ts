import { attach } from "../../tunnel/open.js";
import type { Shown } from "./text.js";

/** Asks an interface for its state. Throws what attach and status do. */
export async function readShown(name: string): Promise<Shown> {
  await using tunnel = await attach(name, { resolve: false });
  return { name, status: await tunnel.status() };
}
