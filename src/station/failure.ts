import { getSystemErrorMap } from "node:util";
import { printableLines } from "../text/printable.js";
import { type Message, textIn } from "./frames.js";

/** What an engine says of something that failed. */
export interface Failure {
  /** As Node.js names it: "ECONNREFUSED", "ENOTFOUND". */
  readonly errno: string;
  /** What the name does not say. */
  readonly message?: string;
}

/** Reads the failure in an answer, if it failed. */
export function failureIn(answer: Message): Failure | undefined {
  const errno = textIn(answer, "errno");
  if (errno === undefined) return undefined;
  const message = textIn(answer, "message");
  return { errno, ...(message && { message }) };
}

/** What was tried, in Node.js's terms. */
export interface Attempt {
  readonly syscall: string;
  readonly hostname?: string;
  readonly address?: string;
  readonly port?: number;
}

/** An error as Node.js's own network functions make it. */
export interface NetworkError extends Error, Attempt {
  readonly errno: number;
  readonly code: string;
}

/** Node.js names libuv's EAI_NONAME otherwise. */
const resolverCodes: Readonly<Record<string, string>> = { ENOTFOUND: "EAI_NONAME" };

/** Failures of which the name says everything, as Node.js's own errors do. */
const plain = ["ECONNREFUSED", "ECONNRESET", "EADDRINUSE"];

/** Failures of the resolver, whatever was tried. */
const ofResolver = ["ENOTFOUND", "EAI_AGAIN"];

/**
 * Makes the error that Node.js would make: "connect ECONNREFUSED 10.0.0.2:80", with code, errno, syscall, address and
 * port. What the engine adds follows a colon.
 */
export function networkError(failure: Failure, attempt: Attempt): NetworkError {
  const { errno: code, message } = failure;
  const isName = ofResolver.includes(code) && attempt.hostname !== undefined;
  const { hostname, ...target } = attempt;
  const tried: Attempt = isName
    ? { syscall: "getaddrinfo", ...(hostname !== undefined && { hostname }) }
    : target;
  const what = [tried.syscall, code, isName ? hostname : placeOf(target)].filter(Boolean).join(" ");
  const says = plain.includes(code) && placeOf(target) !== undefined; // else only the message has the place
  const text = message === undefined || says ? what : `${what}: ${message}`;
  return Object.assign(new Error(printableLines(text)), { errno: errnoOf(code), code, ...tried });
}

function placeOf({ address, port }: Attempt): string | undefined {
  if (address === undefined) return undefined;
  return port === undefined ? address : `${address}:${port}`;
}

/** Returns the negative number of an error, as Node.js gives it; that of UNKNOWN if there is no such error. */
function errnoOf(code: string): number {
  const wanted = resolverCodes[code] ?? code;
  for (const [number, [name]] of getSystemErrorMap()) if (name === wanted) return number;
  return -4094;
}
