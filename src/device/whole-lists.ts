import type { AllowedIp } from "../values/allowed-ip.js";
import type { PublicKey } from "../values/key.js";
import type { DeviceChange, PeerChange } from "./change.js";
import type { DeviceStatus } from "./status.js";

/** Reports whether a change removes single allowed IPs, which engines before 2025 cannot do. */
export function removesExactly({ peers = [] }: DeviceChange): boolean {
  return peers.some(({ remove, removeAllowedIps = [] }) => !remove && removeAllowedIps.length > 0);
}

/**
 * Rewrites a change for an engine that cannot remove single allowed IPs: a peer that loses some gets its whole
 * list anew.
 */
export function withWholeLists(change: DeviceChange, current: DeviceStatus): DeviceChange {
  const owners = new Owners(change.replacePeers ? undefined : current);
  const peers = change.peers?.map((peer) => {
    owners.apply(peer);
    return removesExactly({ peers: [peer] }) ? withWholeList(peer, owners) : peer;
  });
  return { ...change, ...(peers && { peers }) };
}

function withWholeList(
  { removeAllowedIps: _removed, allowedIps: _added, ...rest }: PeerChange,
  owners: Owners,
): PeerChange {
  return { ...rest, replaceAllowedIps: true, allowedIps: owners.listOf(rest.publicKey) };
}

/** Follows which peer owns each allowed IP while a change is made line by line. */
class Owners {
  readonly #owner = new Map<AllowedIp, PublicKey>();
  readonly #lists = new Map<PublicKey, Set<AllowedIp>>();

  constructor(status: DeviceStatus | undefined) {
    for (const { publicKey, allowedIps } of status?.peers ?? []) {
      this.#lists.set(publicKey, new Set(allowedIps));
      for (const prefix of allowedIps) this.#owner.set(prefix, publicKey);
    }
  }

  listOf(peer: PublicKey): readonly AllowedIp[] {
    return [...(this.#lists.get(peer) ?? [])];
  }

  apply({ publicKey, remove, updateOnly, ...change }: PeerChange): void {
    if (updateOnly && !this.#lists.has(publicKey)) return;
    if (remove || change.replaceAllowedIps) this.#drop(publicKey, this.listOf(publicKey));
    if (remove) {
      this.#lists.delete(publicKey);
      return;
    }
    this.#drop(publicKey, change.removeAllowedIps ?? []);
    this.#add(publicKey, change.allowedIps ?? []);
  }

  #drop(peer: PublicKey, prefixes: readonly AllowedIp[]): void {
    for (const prefix of prefixes) {
      if (this.#owner.get(prefix) !== peer) continue;
      this.#owner.delete(prefix);
      this.#lists.get(peer)?.delete(prefix);
    }
  }

  #add(peer: PublicKey, prefixes: readonly AllowedIp[]): void {
    const list = this.#lists.get(peer) ?? new Set();
    this.#lists.set(peer, list);
    for (const prefix of prefixes) {
      const before = this.#owner.get(prefix);
      if (before !== undefined) this.#lists.get(before)?.delete(prefix);
      this.#owner.set(prefix, peer);
      list.add(prefix);
    }
  }
}
