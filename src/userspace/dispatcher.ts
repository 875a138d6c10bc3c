import type {
  Agent,
  Dispatcher,
  FormData as UndiciFormData,
  RequestInit as UndiciInit,
} from "undici";
import { lazily } from "../descriptors.js";
import type { TunnelSocket } from "../station/socket.js";
import { connectorOf, type Security } from "./connector.js";
import type { ConnectOptions } from "./tunnel.js";

// Its Agent is the one that the built-in fetch of every supported Node.js accepts. It takes 50 to 110 ms to load.
const undici = lazily(() => import("undici"));

type Connect = (options: ConnectOptions) => Promise<TunnelSocket>;

/** Makes a dispatcher whose connections go through a tunnel. */
export async function dispatcherOf(
  connect: Connect,
  options: Agent.Options = {},
): Promise<Dispatcher> {
  const { Agent } = await undici();
  const { connect: tls, allowH2, connectTimeout, ...rest } = options;
  const security: Security = {
    allowH2,
    ...(typeof tls === "object" && tls !== null && { tls }),
    ...(connectTimeout && { timeout: connectTimeout }),
  };
  return new Agent({
    ...rest,
    ...(allowH2 !== undefined && { allowH2 }),
    connect: connectorOf(connect, security),
  });
}

/**
 * Makes a fetch whose requests go through a tunnel. It is undici's own and not the built-in one: that may be replaced
 * by a program or be another runtime's, and would then use the machine's network.
 */
export function fetchOf(connect: Connect): typeof fetch {
  let dispatcher: Promise<Dispatcher> | undefined;
  return async (input, init) => {
    const own = await undici();
    dispatcher ??= dispatcherOf(connect);
    const { url, fields } = partsOf(input);
    const { body, headers, ...rest } = { ...fields, ...init };
    const request: UndiciInit = {
      ...rest,
      ...(headers && { headers: [...new Headers(headers)] }),
      ...(body !== undefined && { body: isForm(body) ? copied(body, new own.FormData()) : body }),
      dispatcher: await dispatcher,
    };
    return own.fetch(url, request);
  };
}

/** Takes a request apart: undici's fetch knows only its own class of requests. */
function partsOf(input: string | URL | Request): { url: string | URL; fields: RequestInit } {
  if (typeof input === "string" || input instanceof URL) return { url: input, fields: {} };
  const { url, method, headers, body, redirect, signal, integrity, keepalive } = input;
  const { referrer, referrerPolicy, mode, credentials } = input;
  return {
    url,
    fields: {
      method,
      headers,
      redirect,
      signal,
      integrity,
      keepalive,
      referrer,
      referrerPolicy,
      mode,
      credentials,
      ...(body && { body, duplex: "half" }),
    },
  };
}

/** Reports whether a body is a form of the global class, which undici's fetch would send as "[object FormData]". */
function isForm(body: unknown): body is FormData {
  return body instanceof FormData;
}

function copied(form: FormData, copy: UndiciFormData): UndiciFormData {
  for (const [name, value] of form) {
    if (typeof value === "string") copy.append(name, value);
    else copy.append(name, value, value.name);
  }
  return copy;
}
