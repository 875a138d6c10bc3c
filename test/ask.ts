/** Something that answers UAPI requests. */
interface Exchanger {
  exchange(request: Uint8Array, signal?: AbortSignal): Promise<Buffer>;
}

/** Sends a UAPI request given as text, and returns the answer as text. */
export async function ask(tunnel: Exchanger, request: string): Promise<string> {
  return (await tunnel.exchange(Buffer.from(request))).toString();
}
