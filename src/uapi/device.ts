import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { untilAborted } from "../deadline.js";
import type { DeviceChange } from "../device/change.js";
import type { DeviceConfig } from "../device/config.js";
import { canBeRefusedHalfway, difference, replacesAll, restoration } from "../device/difference.js";
import { destroySecrets } from "../device/secrets.js";
import type { DeviceStatus } from "../device/status.js";
import { removesExactly, withWholeLists } from "../device/whole-lists.js";
import { hasCode, WgBridgeError } from "../errors.js";
import { allowedIp } from "../values/allowed-ip.js";
import { PrivateKey } from "../values/key.js";
import { refusedError } from "./answer.js";
import { encodeChange } from "./encode.js";
import { getRequest } from "./request.js";
import { decodeErrno, decodeStatus } from "./status-decoder.js";

/** One UAPI exchange: a whole request for a whole answer. */
export type Exchange = (request: Uint8Array, signal?: AbortSignal) => Promise<Buffer>;

/** What a call asks for, where that has to be found out yet. The call has its turn all the same. */
type Soon<T> = T | Promise<T>;

/** How often a change is taken up again that another process got in the way of. */
const maxRounds = 10;

/** The longest wait between two rounds in milliseconds. */
const maxWait = 100;

/**
 * One WireGuard device behind UAPI. Each change is made whole, or not at all; one after another, in the
 * order in which they were asked for.
 *
 * A signal gives up waiting at once, and whatever was not begun. A change that was begun goes on to its
 * end: an engine takes a request line by line, and one that is cut short leaves half of it.
 */
export class Device {
  readonly #exchange: Exchange;
  #removesExactly: boolean | undefined;
  /** The change before. */
  #previous: Promise<void> = Promise.resolve();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** What the device says of itself. */
  async status(signal?: AbortSignal): Promise<DeviceStatus> {
    const answer = await this.#exchange(getRequest, signal);
    try {
      return decodeStatus(answer);
    } finally {
      answer.fill(0);
    }
  }

  /**
   * Makes the device what is wanted, and sends only what differs. Endpoints must be addresses.
   * Where another process changes the device meanwhile, the difference is taken again: of several
   * that apply at once, the last one to write has seen its own state whole. `used` is called once
   * nothing needs what is wanted any more: it may be later than this settles, if the signal fires.
   * @throws WgBridgeError WG_BRIDGE_PORT_IN_USE, WG_BRIDGE_REFUSED: nothing has changed then;
   *   WG_BRIDGE_CONFLICT where others never stop; or the signal's reason
   */
  apply(wanted: Soon<DeviceConfig>, signal?: AbortSignal, used?: () => void): Promise<void> {
    return this.#inTurn(wanted, (config) => this.#apply(config, signal), signal, used);
  }

  /**
   * Makes one change. Endpoints must be addresses. `used` is called as for apply.
   * @throws WgBridgeError WG_BRIDGE_PORT_IN_USE, WG_BRIDGE_REFUSED: nothing has changed then; or the
   *   signal's reason
   */
  update(change: Soon<DeviceChange>, signal?: AbortSignal, used?: () => void): Promise<void> {
    return this.#inTurn(change, (one) => this.#update(one, signal), signal, used);
  }

  #inTurn<T>(
    coming: Soon<T>,
    work: (asked: T) => Promise<void>,
    signal: AbortSignal | undefined,
    used: () => void = () => {},
  ): Promise<void> {
    const asked = Promise.resolve(coming);
    asked.catch(() => {}); // it is awaited only in its turn
    const turn = this.#previous.then(async () => {
      signal?.throwIfAborted();
      await work(await asked);
    });
    this.#previous = turn.catch(() => {}).then(used); // a failure is for the one who asked
    return untilAborted(turn, signal);
  }

  async #apply(wanted: DeviceConfig, signal: AbortSignal | undefined): Promise<void> {
    for (let round = 0; round < maxRounds; round++) {
      const current = await this.status(round === 0 ? signal : undefined);
      try {
        const change = difference(current, wanted);
        if (change === undefined) return;
        const understood = await this.#understood(change, current);
        if (round === 0) signal?.throwIfAborted();
        await this.#set(understood, current);
        if (replacesAll(change)) return;
      } finally {
        destroySecrets(current);
      }
      // Programs that take turns in step would go on like that.
      if (round > 1) await delay(Math.random() * Math.min(2 ** round, maxWait));
    }
    throw new WgBridgeError(
      "WG_BRIDGE_CONFLICT",
      `Another program changed the device ${maxRounds} times while this configuration was applied, and it may have parts of both. Let one program configure it, and apply again.`,
    );
  }

  async #update(change: DeviceChange, signal: AbortSignal | undefined): Promise<void> {
    if (!canBeRefusedHalfway(change)) return this.#set(change, undefined);
    const before = await this.status(signal);
    try {
      const understood = await this.#understood(change, before);
      signal?.throwIfAborted();
      await this.#set(understood, before);
    } finally {
      destroySecrets(before);
    }
  }

  /** The same change in the words that the engine knows. */
  async #understood(change: DeviceChange, current: DeviceStatus): Promise<DeviceChange> {
    if (!removesExactly(change)) return change;
    this.#removesExactly ??= await this.#knowsExactRemoval();
    return this.#removesExactly ? change : withWholeLists(change, current);
  }

  async #knowsExactRemoval(): Promise<boolean> {
    try {
      return (await this.#send(probe())) === 0;
    } catch (error) {
      // gotatun hangs up on a line that it does not know. If it has ended, the next exchange tells.
      if (hasCode(error, "WG_BRIDGE_LOST")) return false;
      throw error;
    }
  }

  async #send(change: DeviceChange): Promise<number> {
    const request = encodeChange(change);
    try {
      return decodeErrno(await this.#exchange(request));
    } finally {
      request.fill(0);
    }
  }

  async #set(change: DeviceChange, before: DeviceStatus | undefined): Promise<void> {
    const errno = await this.#send(change);
    if (errno === 0) return;
    if (before !== undefined) await this.#restore(before);
    throw errno === constants.errno.EADDRINUSE && change.listenPort !== undefined
      ? portInUseError(change.listenPort)
      : refusedError("change", errno);
  }

  /** Takes back what a change did before it was refused. */
  async #restore(before: DeviceStatus): Promise<void> {
    const current = await this.status();
    const change = restoration(current, before);
    destroySecrets(current);
    if (change === undefined) return;
    const errno = await this.#send(await this.#understood(change, current));
    if (errno === 0) return;
    throw new WgBridgeError(
      "WG_BRIDGE_REFUSED",
      `The engine refused a change half-way (errno ${errno}), and then to take it back: look at the device with "wg-bridge show", and configure it anew.`,
    );
  }
}

/** Removes an allowed IP of a peer that there is not: refused only where the engine does not know how. */
function probe(): DeviceChange {
  const publicKey = PrivateKey.generate().publicKey();
  return { peers: [{ publicKey, updateOnly: true, removeAllowedIps: [allowedIp("0.0.0.0/0")] }] };
}

function portInUseError(port: number): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_PORT_IN_USE",
    `The UDP port ${port} is in use by another program: nothing was changed. Find it with "ss -ulnp", choose another port, or let the kernel choose.`,
  );
}
