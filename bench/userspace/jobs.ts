/** What client.ts does on demand, against the server of bench/traffic. */
export type Job =
  /** Sends or receives bytes through one connection. */
  | { readonly kind: "stream"; readonly direction: "up" | "down"; readonly seconds: number }
  /** Sends requests through this many kept connections. */
  | { readonly kind: "requests"; readonly connections: number; readonly seconds: number }
  /** Connects, exchanges a line and closes, one after the other. */
  | { readonly kind: "connections"; readonly seconds: number }
  /** Opens this many connections more, and keeps them. Then all that are kept exchange a line. */
  | { readonly kind: "hold"; readonly connections: number }
  /** Has datagrams echoed. */
  | { readonly kind: "datagrams"; readonly seconds: number }
  /** Forwards this port of 127.0.0.1 to the server's streams, to the program's end. */
  | { readonly kind: "forward"; readonly port: number };

/** What a job finds. */
export interface Found {
  /** Bytes that arrived, or how often it succeeded. */
  readonly count: number;
  readonly seconds: number;
}

/** What client.ts reads first. */
export interface Start {
  /** The configuration of a userspace tunnel. */
  readonly config?: string;
  /** The server's address. */
  readonly server: string;
}

/** The server's ports, as in bench/traffic. */
export const ports = { stream: 5001, datagram: 5002, http: 5003 } as const;
