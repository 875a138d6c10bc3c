/** A datagram socket, of a tunnel or of this machine. */
interface Datagrams {
  on(
    event: "message",
    listener: (query: Buffer, from: { readonly address: string; readonly port: number }) => void,
  ): unknown;
  send(message: Buffer, port: number, address: string): unknown;
}

const typeA = 1;
const noSuchName = 3;

/** Answers DNS queries on a datagram socket: the names' IPv4 addresses; NXDOMAIN for others. Source: RFC 1035, section 4. */
export function serveNames(socket: Datagrams, names: Readonly<Record<string, string>>): void {
  socket.on("message", (query, { address, port }) => {
    const { name, end } = nameIn(query);
    const found = names[name];
    const isA = query.readUInt16BE(end) === typeA;
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(0x8580 | (found === undefined ? noSuchName : 0), 2);
    header.writeUInt16BE(found !== undefined && isA ? 1 : 0, 6);
    header.writeUInt32BE(0, 8); // neither authorities nor additional records
    const question = query.subarray(12, end + 4);
    const bytes = found?.split(".").map(Number) ?? [];
    // A pointer to the question's name, type A, class IN, 60 s, 4 bytes.
    const record = isA && found ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...bytes] : [];
    socket.send(Buffer.concat([header, question, Buffer.from(record)]), port, address);
  });
}

/** Returns the name that a query asks about, and where its type is. */
function nameIn(query: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length).toLowerCase());
    at += 1 + length;
  }
  return { name: labels.join("."), end: at + 1 };
}
