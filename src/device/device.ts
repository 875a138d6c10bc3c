import { WgBridgeError } from "../errors.js";
import { encodeChange } from "../uapi/change.js";
import { addressInUse, refusedError } from "../uapi/errno.js";
import { getRequest } from "../uapi/get-request.js";
import { decodeErrno, decodeStatus } from "../uapi/status-decoder.js";
import { allowedIp } from "../values/allowed-ip.js";
import { PrivateKey } from "../values/key.js";
import type { DeviceChange } from "./change.js";
import type { DeviceConfig } from "./config.js";
import { difference } from "./difference.js";
import type { DeviceStatus } from "./status.js";

/** One UAPI exchange: a whole request for a whole answer. */
export type Exchange = (request: Uint8Array, signal?: AbortSignal) => Promise<Buffer>;

/** How often a change is taken up again that another process got in the way of. */
const maxRounds = 10;

/** One WireGuard device behind UAPI. Each change is made whole, or not at all. */
export class Device {
  readonly #exchange: Exchange;
  #removesExactly: Promise<boolean> | undefined;

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
   * that apply at once, the last one to write has seen its own state whole.
   * @throws WgBridgeError WG_BRIDGE_PORT_IN_USE, WG_BRIDGE_REFUSED: nothing has changed then;
   *   WG_BRIDGE_CONFLICT where others never stop
   */
  async apply(wanted: DeviceConfig, signal?: AbortSignal): Promise<void> {
    let current = await this.status(signal);
    for (let round = 0; round < maxRounds; round++) {
      const change = await this.#difference(current, wanted, signal);
      if (change === undefined) return;
      await this.#set(change, current, signal);
      // It replaced all that there was at that moment: no other's half is left.
      if (change.replacePeers) return;
      current = await this.status(signal);
    }
    throw new WgBridgeError(
      "WG_BRIDGE_CONFLICT",
      `Another program changed the device ${maxRounds} times while this configuration was applied. Let one program configure it.`,
    );
  }

  /**
   * Makes one change. Endpoints must be addresses.
   * @throws WgBridgeError as apply does
   */
  async update(change: DeviceChange, signal?: AbortSignal): Promise<void> {
    await this.#set(change, canFailHalfway(change) ? await this.status(signal) : undefined, signal);
  }

  async #difference(
    current: DeviceStatus,
    wanted: DeviceConfig,
    signal: AbortSignal | undefined,
  ): Promise<DeviceChange | undefined> {
    const change = difference(current, wanted);
    if (!change?.peers?.some((peer) => peer.removeAllowedIps)) return change;
    const exactly = await this.#canRemoveExactly(signal);
    return exactly ? change : difference(current, wanted, false);
  }

  /** Engines before 2025 do not know "allowed_ip=-…": asks once, of a peer that there is not. */
  async #canRemoveExactly(signal: AbortSignal | undefined): Promise<boolean> {
    this.#removesExactly ??= this.#send(
      {
        peers: [
          {
            publicKey: PrivateKey.generate().publicKey(),
            updateOnly: true,
            removeAllowedIps: [allowedIp("0.0.0.0/0")],
          },
        ],
      },
      signal,
    ).then((errno) => errno === 0);
    this.#removesExactly.catch(() => {
      this.#removesExactly = undefined;
    });
    return this.#removesExactly;
  }

  async #send(change: DeviceChange, signal: AbortSignal | undefined): Promise<number> {
    const request = encodeChange(change);
    try {
      return decodeErrno(await this.#exchange(request, signal));
    } finally {
      request.fill(0);
    }
  }

  async #set(
    change: DeviceChange,
    before: DeviceStatus | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const errno = await this.#send(change, signal);
    if (errno === 0) return;
    if (before !== undefined) await this.#restore(before);
    throw errno === addressInUse && change.listenPort !== undefined
      ? portInUseError(change.listenPort)
      : refusedError("change", errno);
  }

  /** Takes back what a change did before it was refused. Not to be given up half-way: no signal. */
  async #restore(before: DeviceStatus): Promise<void> {
    const current = await this.status();
    const change = {
      ...difference(current, before),
      ...(current.listenPort === before.listenPort ? {} : { listenPort: before.listenPort ?? 0 }),
    };
    if (Object.keys(change).length === 0) return;
    const errno = await this.#send(change, undefined);
    if (errno === 0) return;
    throw new WgBridgeError(
      "WG_BRIDGE_REFUSED",
      `The engine refused a change half-way (errno ${errno}), and then to take it back: look at the device with "wg-bridge show", and configure it anew.`,
    );
  }
}

/** All else is checked before it is sent. The engine can refuse a port, a mark, and too many peers. */
function canFailHalfway({ listenPort, fwmark, peers = [] }: DeviceChange): boolean {
  return listenPort !== undefined || fwmark !== undefined || peers.length > 1;
}

function portInUseError(port: number): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_PORT_IN_USE",
    `The UDP port ${port} is in use by another program: nothing was changed. Find it with "ss -ulnp", choose another port, or let the kernel choose.`,
  );
}
