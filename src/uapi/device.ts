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

/** Sends one complete UAPI request, and resolves with the complete answer. */
export type Exchange = (request: Uint8Array, signal?: AbortSignal) => Promise<Buffer>;

/** An argument that may still be on its way. The call keeps its turn in the meantime. */
type Soon<T> = T | Promise<T>;

/** How often to retry a change that another process interfered with. */
const maxRounds = 10;

/** The maximum delay between two rounds in milliseconds. */
const maxDelay = 100;

/**
 * A WireGuard device behind UAPI. It makes each change as a whole or not at all, and one after another, in
 * the order of the calls.
 *
 * If its signal fires, a call rejects at once, and does not begin what it has not begun. A change that has
 * begun is finished: an engine executes a request line by line, and would keep half of one that is cut short.
 */
export class Device {
  readonly #exchange: Exchange;
  #removesExactly: boolean | undefined;
  /** Settles once the change before has. */
  #previous: Promise<void> = Promise.resolve();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Returns the current state of the device. */
  async status(signal?: AbortSignal): Promise<DeviceStatus> {
    const answer = await this.#exchange(getRequest, signal);
    try {
      return decodeStatus(answer);
    } finally {
      answer.fill(0);
    }
  }

  /**
   * Makes the device match `wanted`, and sends only what differs. Endpoints must be addresses. If another
   * process changes the device meanwhile, the difference is taken again: of several that apply at once,
   * the last one to write has seen the device match its own configuration. `done` is called once `wanted` is
   * no longer needed; if the signal fires, that is after this has rejected.
   * @throws WgBridgeError WG_BRIDGE_PORT_IN_USE, WG_BRIDGE_REFUSED: nothing has changed then;
   *   WG_BRIDGE_CONFLICT if others keep changing it; or the signal's reason
   */
  apply(wanted: Soon<DeviceConfig>, signal?: AbortSignal, done?: () => void): Promise<void> {
    return this.#inTurn(wanted, (config) => this.#apply(config, signal), signal, done);
  }

  /**
   * Makes one change. Endpoints must be addresses. `done` is called as by apply.
   * @throws WgBridgeError WG_BRIDGE_PORT_IN_USE, WG_BRIDGE_REFUSED: nothing has changed then; or the
   *   signal's reason
   */
  update(change: Soon<DeviceChange>, signal?: AbortSignal, done?: () => void): Promise<void> {
    return this.#inTurn(change, (ready) => this.#update(ready, signal), signal, done);
  }

  #inTurn<T>(
    soon: Soon<T>,
    work: (argument: T) => Promise<void>,
    signal: AbortSignal | undefined,
    done: () => void = () => {},
  ): Promise<void> {
    const argument = Promise.resolve(soon);
    argument.catch(() => {}); // handled when its turn comes
    const turn = this.#previous.then(async () => {
      signal?.throwIfAborted();
      await work(await argument);
    });
    this.#previous = turn.catch(() => {}).then(done); // the caller gets the failure
    return untilAborted(turn, signal);
  }

  async #apply(wanted: DeviceConfig, signal: AbortSignal | undefined): Promise<void> {
    for (let round = 0; round < maxRounds; round++) {
      const current = await this.status(round === 0 ? signal : undefined);
      try {
        const change = difference(current, wanted);
        if (change === undefined) return;
        const translated = await this.#translate(change, current);
        if (round === 0) signal?.throwIfAborted();
        await this.#set(translated, current);
        if (replacesAll(change)) return;
      } finally {
        destroySecrets(current);
      }
      // A random delay: programs that retry in step would go on interfering.
      if (round > 1) await delay(Math.random() * Math.min(2 ** round, maxDelay));
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
      const translated = await this.#translate(change, before);
      signal?.throwIfAborted();
      await this.#set(translated, before);
    } finally {
      destroySecrets(before);
    }
  }

  /** Rewrites a change in terms that the engine knows. */
  async #translate(change: DeviceChange, current: DeviceStatus): Promise<DeviceChange> {
    if (!removesExactly(change)) return change;
    this.#removesExactly ??= await this.#supportsExactRemoval();
    return this.#removesExactly ? change : withWholeLists(change, current);
  }

  async #supportsExactRemoval(): Promise<boolean> {
    try {
      return (await this.#send(probe())) === 0;
    } catch (error) {
      // gotatun hangs up on a line that it does not know. If it has ended, the next exchange fails, too.
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

  /** Undoes what a change did before it was refused. */
  async #restore(before: DeviceStatus): Promise<void> {
    const current = await this.status();
    const change = restoration(current, before);
    destroySecrets(current);
    if (change === undefined) return;
    const errno = await this.#send(await this.#translate(change, current));
    if (errno === 0) return;
    throw new WgBridgeError(
      "WG_BRIDGE_REFUSED",
      `The engine refused a change half-way (errno ${errno}), and then to take it back: look at the device with "wg-bridge show", and configure it anew.`,
    );
  }
}

/** Removes an allowed IP of a peer that does not exist: refused only by an engine that does not know how. */
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
