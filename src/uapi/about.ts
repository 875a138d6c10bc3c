import { hasCode } from "../errors.js";
import { aboutRequest } from "./request.js";

/** Sends one UAPI request, and resolves with its answer. */
type Exchange = (request: Uint8Array) => Promise<Buffer>;

/**
 * Asks an engine by which instructions it encrypts at the moment: "AVX-512", "AVX2", "NEON", "generic" or another word.
 * Undefined: it is not an engine of wg-bridge, or an older one, and hangs up or refuses.
 * @throws what the exchange throws otherwise
 */
export async function readCipher(exchange: Exchange): Promise<string | undefined> {
  try {
    return parseCipher((await exchange(aboutRequest)).toString());
  } catch (error) {
    if (hasCode(error, "WG_BRIDGE_LOST", "WG_BRIDGE_ENGINE")) return undefined;
    throw error;
  }
}

/** Finds the cipher in an answer; undefined if the engine refuses to say. */
export function parseCipher(answer: string): string | undefined {
  const lines = answer.split("\n");
  if (!lines.includes("errno=0")) return undefined;
  return lines.find((line) => line.startsWith("cipher="))?.slice("cipher=".length);
}
