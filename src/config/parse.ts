import type { PeerConfig } from "../device/config.js";
import type { Config } from "./config.js";
import { ConfigError, type Diagnostic } from "./diagnostic.js";
import {
  type FieldKind,
  type InterfaceDraft,
  interfaceFields,
  type PeerDraft,
  peerFields,
  takeField,
} from "./fields.js";
import { type Line, readLines } from "./lines.js";

/**
 * Reads the text of a file for wg(8) or wg-quick(8).
 * @throws ConfigError with every fault; its line and column are the first one's
 */
export function parseConfig(text: string): Config {
  return configOf(readLines(text));
}

/** Every fault of the text, in order; none for a text that parseConfig reads. */
export function checkConfig(text: string): readonly Diagnostic[] {
  const reader = new Reader();
  for (const line of readLines(text)) reader.take(line);
  return reader.end().diagnostics;
}

/** Reads lines. Throws as parseConfig does. */
export function configOf(lines: readonly Line[]): Config {
  const reader = new Reader();
  for (const line of lines) reader.take(line);
  const { config, diagnostics } = reader.end();
  const [first] = diagnostics;
  if (first !== undefined) throw new ConfigError(first, diagnostics);
  return config;
}

type Section = "interface" | "peer" | undefined;

const keysOf = (fields: Fields<never>) =>
  Array.from(fields.values(), ({ name }) => name).join(", ");

/** The fields of a section by their names in lower case: wg(8) does not mind the case. */
type Fields<Draft> = ReadonlyMap<string, FieldKind<Draft>>;

function byName<Draft>(fields: readonly FieldKind<Draft>[]): Fields<Draft> {
  return new Map(fields.map((field) => [field.name.toLowerCase(), field]));
}

const interfaceByName = byName(interfaceFields);
const peerByName = byName(peerFields);

/** Collects sections line by line. */
class Reader {
  readonly #diagnostics: Diagnostic[] = [];
  readonly #interface: InterfaceDraft = {
    addresses: [],
    dns: [],
    preUp: [],
    postUp: [],
    preDown: [],
    postDown: [],
    saveConfig: false,
  };
  readonly #peers: PeerConfig[] = [];
  #section: Section;
  #peer: { readonly draft: PeerDraft; readonly line: number } | undefined;

  take(line: Line): void {
    const { content } = line;
    switch (content.kind) {
      case "blank":
        return;
      case "section":
        this.#begin(line, content.name, content.at);
        return;
      case "unreadable":
        this.#fault(line, content.at, "this is neither a section nor a field", "Key = Value");
        return;
      case "field":
        this.#field(line, content);
    }
  }

  end(): { readonly config: Config; readonly diagnostics: readonly Diagnostic[] } {
    this.#finishPeer();
    return {
      config: { ...this.#interface, peers: this.#peers },
      diagnostics: this.#diagnostics.toSorted((a, b) => a.line - b.line || a.column - b.column),
    };
  }

  #begin(line: Line, name: string, at: number): void {
    this.#finishPeer();
    switch (name.toLowerCase()) {
      case "interface":
        this.#section = "interface";
        return;
      case "peer":
        this.#section = "peer";
        this.#peer = { draft: { allowedIps: [] }, line: line.number };
        return;
      default:
        this.#section = undefined;
        this.#fault(line, at, "there is no such section", "[Interface] or [Peer]");
    }
  }

  #finishPeer(): void {
    const peer = this.#peer;
    this.#peer = undefined;
    if (peer === undefined) return;
    const { publicKey, ...rest } = peer.draft;
    if (publicKey !== undefined) {
      this.#peers.push({ publicKey, ...rest });
      return;
    }
    const fault = "this peer has no public key";
    this.#diagnostics.push({ line: peer.line, column: 1, fault, expected: "PublicKey in it" });
  }

  #field(line: Line, { key, value, at, valueAt }: FieldContent): void {
    if (this.#peer !== undefined) {
      this.#takeField(line, peerByName, this.#peer.draft, { key, value, at, valueAt });
    } else if (this.#section === "interface") {
      this.#takeField(line, interfaceByName, this.#interface, { key, value, at, valueAt });
    } else {
      this.#fault(line, at, "this field is in no section", "[Interface] or [Peer] before it");
    }
  }

  #takeField<Draft>(
    line: Line,
    fields: Fields<Draft>,
    draft: Draft,
    { key, value, at, valueAt }: FieldContent,
  ): void {
    const kind = fields.get(key.toLowerCase());
    if (kind === undefined) {
      // A line that holds only a key in base64 looks like a field as well.
      const named = /^[A-Za-z]{1,24}$/.test(key) ? ` ${key}` : "";
      this.#fault(line, at, `there is no field${named} in this section`, keysOf(fields));
      return;
    }
    const fault = takeField(kind, draft, value);
    if (fault !== undefined) this.#fault(line, valueAt, fault, kind.expected);
  }

  #fault(line: Line, at: number, fault: string, expected: string): void {
    this.#diagnostics.push({ line: line.number, column: at + 1, fault, expected });
  }
}

interface FieldContent {
  readonly key: string;
  readonly value: string;
  readonly at: number;
  readonly valueAt: number;
}
