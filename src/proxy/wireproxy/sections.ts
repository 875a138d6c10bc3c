import { plainName } from "../../config/lines.js";

/** The sections of wireproxy's file that open something, by their plain names, and their fields. */
const kinds = {
  socks5: {
    title: "Socks5",
    fields: ["BindAddress", "Username", "Password", "TunnelDomains", "LogDomains"],
  },
  http: {
    title: "http",
    fields: [
      "BindAddress",
      "Username",
      "Password",
      "CertFile",
      "KeyFile",
      "TunnelDomains",
      "LogDomains",
    ],
  },
  tcpclienttunnel: { title: "TCPClientTunnel", fields: ["BindAddress", "Target"] },
  tcpservertunnel: { title: "TCPServerTunnel", fields: ["ListenPort", "Target"] },
  udpproxytunnel: {
    title: "UDPProxyTunnel",
    fields: ["BindAddress", "Target", "InactivityTimeout"],
  },
  stdiotunnel: { title: "STDIOTunnel", fields: ["Target"] },
} as const;

export type SectionKind = keyof typeof kinds;

/** A field of one of these sections, as wireproxy's documentation spells it. */
export type FieldName = (typeof kinds)[SectionKind]["fields"][number];

/** Sections that mean nothing here, and what is lost. */
export const unsupportedSections: ReadonlyMap<string, string> = new Map([
  [
    "sni",
    "[SNI] is not supported, and nothing listens there: let clients use [Socks5] or [http], or forward port 443 of one host",
  ],
  [
    "resolve",
    "[Resolve] is not supported: the addresses of a name are tried in turn, those of both families if the tunnel has both",
  ],
]);

/** Returns the kind of a section by its name, in any case. */
export function sectionKind(name: string): SectionKind | undefined {
  const plain = plainName(name);
  return isKind(plain) ? plain : undefined;
}

function isKind(plain: string): plain is SectionKind {
  return Object.hasOwn(kinds, plain);
}

/** Returns the name of a section as wireproxy's documentation spells it. */
export function titleOf(kind: SectionKind): string {
  return kinds[kind].title;
}

/** Returns the fields of a section. */
export function fieldsOf(kind: SectionKind): readonly FieldName[] {
  return kinds[kind].fields;
}

/** Every section that a file may have, for messages. */
export const sectionList: string = [
  "Interface",
  "Peer",
  ...Object.values(kinds).map(({ title }) => title),
]
  .map((title) => `[${title}]`)
  .join(", ");
