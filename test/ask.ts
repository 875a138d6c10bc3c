/** Something that takes UAPI requests. */
interface Exchanger {
  exchange(request: Uint8Array, signal?: AbortSignal): Promise<Buffer>;
}

/** One UAPI exchange in text, as people write it. */
export async function ask(tunnel: Exchanger, request: string): Promise<string> {
  return (await tunnel.exchange(Buffer.from(request))).toString();
}
