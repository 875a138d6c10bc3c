import type { IpcNetConnectOpts } from "node:net";
import { withDeadline } from "../deadline.js";
import { messageOf, WgBridgeError } from "../errors.js";
import { AnswerReader } from "../uapi/answer.js";
import { checkRequest } from "../uapi/request.js";
import { exchangeTimeout, intoOwnBuffer, UapiConnection } from "../uapi/socket.js";
import { type Failure, failureIn } from "./failure.js";
import { encodeFrame, FrameReader, protocolVersion } from "./frames.js";

/**
 * Sends one UAPI request over a station, and resolves with its answer, as exchangeOverSocket does over the socket of an
 * interface.
 * @throws WgBridgeError WG_BRIDGE_LOST if the engine hangs up, or is not there; WG_BRIDGE_TIMEOUT; WG_BRIDGE_ENGINE;
 *   or the signal's reason
 */
export async function exchangeOverStation(
  path: string,
  name: string,
  request: Uint8Array,
  signal?: AbortSignal,
): Promise<Buffer> {
  const checked = checkRequest(request);
  return withDeadline(`A UAPI exchange with ${name}`, exchangeTimeout, signal, (either) =>
    transact(path, name, checked, either),
  );
}

function transact(
  path: string,
  name: string,
  request: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const greeting = new FrameReader();
    const answer = new AnswerReader();
    let isGreeted = false;
    const greet = (piece: Buffer): Buffer => {
      if (isGreeted) return piece;
      greeting.push(piece);
      const message = greeting.next();
      if (message === undefined) return Buffer.alloc(0);
      const failure = failureIn(message);
      if (failure !== undefined) throw refusedError(name, failure);
      isGreeted = true;
      socket.write(request);
      return greeting.rest();
    };
    const take = (piece: Buffer) => {
      try {
        const whole = answer.push(greet(Buffer.from(piece)));
        if (whole === undefined) return;
        resolve(whole);
        socket.destroy();
      } catch (error) {
        reject(error);
        socket.destroy();
      } finally {
        piece.fill(0); // it may hold private keys
      }
    };
    const options: IpcNetConnectOpts = { path, signal, onread: intoOwnBuffer(take) };
    const socket = new UapiConnection(options);
    socket.connect(options, () => {
      socket.write(encodeFrame({ v: protocolVersion, kind: "uapi" }));
    });
    // Once there is an answer, neither of these changes the promise.
    socket.on("error", (error) =>
      reject(signal.aborted ? signal.reason : lostError(name, messageOf(error), error)),
    );
    socket.on("close", () => {
      answer.discard();
      reject(lostError(name, "it hung up without an answer"));
    });
  });
}

/** The engine refuses if it has no descriptor left, or does not know this program. */
function refusedError(name: string, { errno, message = errno }: Failure): WgBridgeError {
  if (errno !== "EMFILE" && errno !== "ENFILE") return lostError(name, message);
  return new WgBridgeError(
    "WG_BRIDGE_RESOURCES",
    `The engine of ${name} cannot be asked: ${message}.`,
  );
}

function lostError(name: string, reason: string, cause?: unknown): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_LOST",
    `The engine of ${name} cannot be asked: ${reason}. Open the tunnel anew.`,
    { cause },
  );
}
