import type { DeviceStatus } from "../../src/device/status.js";
import { WgBridgeError } from "../../src/errors.js";
import { decodeChange } from "../../src/uapi/change-decoder.js";
import { encodeStatus } from "../../src/uapi/encode.js";
import { change } from "../device/model.js";

const invalid = -22;

/** An engine without a network. It executes each request as a whole, at one moment. */
export class FakeEngine {
  status: DeviceStatus = { peers: [], unknown: [] };
  /** Each set that arrived, as text. */
  readonly sets: string[] = [];
  /** Refuses a set at a line with this in it, once what stands before it is done. */
  refuses: string | undefined;
  /** Hangs up on such a set in place of an answer, and does nothing of it. */
  hangsUp = false;

  /** Answers one request, as an Exchange does. */
  answer(request: Uint8Array): Buffer {
    const text = Buffer.from(request).toString();
    if (text.startsWith("get=1\n")) return encodeStatus(this.status);
    this.sets.push(text);
    const lines = text.split("\n");
    const bad = this.refuses === undefined ? -1 : lines.findIndex((line) => this.#isRefused(line));
    if (bad !== -1 && this.hangsUp) throw new WgBridgeError("WG_BRIDGE_LOST", "It hung up.");
    const taken = bad === -1 ? text : `${lines.slice(0, bad).join("\n")}\n\n`;
    this.status = change(this.status, decodeChange(Buffer.from(taken)));
    return Buffer.from(`errno=${bad === -1 ? 0 : invalid}\n\n`);
  }

  #isRefused(line: string): boolean {
    return this.refuses !== undefined && line.includes(this.refuses);
  }
}
