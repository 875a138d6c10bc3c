/** Every key that the engine knows. Source: https://www.wireguard.com/xplatform/#configuration-protocol */
const names = [
  "errno",
  "set",
  "private_key",
  "listen_port",
  "fwmark",
  "replace_peers",
  "public_key",
  "preshared_key",
  "protocol_version",
  "endpoint",
  "last_handshake_time_sec",
  "last_handshake_time_nsec",
  "tx_bytes",
  "rx_bytes",
  "persistent_keepalive_interval",
  "allowed_ip",
  "update_only",
  "remove",
  "replace_allowed_ips",
] as const;

interface Known {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const knownByLength: readonly (readonly Known[])[] = Array.from({ length: 32 }, (_, length) =>
  names
    .filter((name) => name.length === length)
    .map((name) => ({ name, bytes: Buffer.from(name) })),
);

/**
 * The key that the bytes from start to end spell. One that is known comes as the string that is here
 * already: making a new one for each of a million lines takes longer than reading them.
 */
export function keyName(bytes: Buffer, start: number, end: number): string {
  for (const known of knownByLength[end - start] ?? []) {
    if (spells(bytes, start, known)) return known.name;
  }
  return bytes.toString("latin1", start, end);
}

function spells(bytes: Buffer, start: number, { bytes: expected }: Known): boolean {
  for (let index = 0; index < expected.length; index++) {
    if (bytes[start + index] !== expected[index]) return false;
  }
  return true;
}
