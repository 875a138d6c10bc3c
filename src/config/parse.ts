import type { PeerConfig } from "../device/config.js";
import { destroySecrets } from "../device/secrets.js";
import type { PresharedKey, PublicKey } from "../values/key.js";
import { invisibleCharacter, isUtf16, utf16 } from "./characters.js";
import type { Config } from "./config.js";
import { ConfigError, type Diagnostic } from "./diagnostic.js";
import {
  type FieldKind,
  type InterfaceDraft,
  interfaceFields,
  type PeerDraft,
  peerFields,
  setField,
} from "./fields.js";
import {
  checkFileText,
  type FieldContent,
  type Line,
  plainName,
  readContent,
  readLines,
  withoutSpace,
} from "./lines.js";

/**
 * Reads a file for wg(8) or wg-quick(8), given as text or as bytes, as those programs do. Some of what
 * they accept by accident is refused: a port that is a service's name, has a sign or is above 65535; port
 * 0 of an endpoint; IPv4 addresses of fewer than four numbers or with leading zeros; a NUL; and values of
 * MTU, Address and Table that ip(8) refuses.
 * @throws ConfigError with every problem
 */
export function parseConfig(text: string | Uint8Array): Config {
  return configOf(readLines(checkFileText(text)));
}

/** Returns every problem of the text, in order; none if parseConfig reads it. */
export function checkConfig(text: string | Uint8Array): readonly Diagnostic[] {
  const { config, diagnostics } = new Reader().read(readLines(checkFileText(text)));
  destroySecrets(config);
  return diagnostics;
}

/** Reads lines. Throws as parseConfig does. */
export function configOf(lines: readonly Line[]): Config {
  const { config, diagnostics } = new Reader().read(lines);
  const [first] = diagnostics;
  if (first === undefined) return config;
  destroySecrets(config);
  throw new ConfigError(first, diagnostics);
}

/** What could be read, and what could not. */
interface Reading {
  readonly config: Config;
  /** In the order of the file. */
  readonly diagnostics: readonly Diagnostic[];
}

/** A section with fields. wg-quick(8) recognises [Interface] only if its name has no white space. */
type Section =
  | { readonly kind: "interface"; readonly isPlain: boolean }
  | { readonly kind: "peer"; readonly draft: PeerDraft; readonly line: number };

/** The fields of a section, by their plain names and by their usual spelling. */
type Fields<Draft> = ReadonlyMap<string, FieldKind<Draft>>;

function byName<Draft>(fields: readonly FieldKind<Draft>[]): Fields<Draft> {
  return new Map(
    fields.flatMap((field) => [
      [field.name, field],
      [plainName(field.name), field],
    ]),
  );
}

/** Finds a field. wg(8) ignores white space in a name, and wg-quick(8) does not. */
function findField<Draft>(fields: Fields<Draft>, key: string): FieldKind<Draft> | undefined {
  const exact = fields.get(key);
  if (exact !== undefined) return exact;
  const kind = fields.get(plainName(key));
  return kind?.program === "wg-quick" && withoutSpace(key) !== key ? undefined : kind;
}

const interfaceByName = byName(interfaceFields);
const peerByName = byName(peerFields);

const namesOf = (fields: Fields<never>) =>
  [...new Set(Array.from(fields.values(), ({ name }) => name))].join(", ");

type PeerFields = Omit<PeerDraft, "publicKey">;

/** Reports whether no field stands for an absent one. */
function isComplete(fields: PeerFields): fields is PeerFields & { presharedKey?: PresharedKey } {
  return fields.presharedKey !== "none";
}

function hasKey(key: PresharedKey | "none" | undefined): key is PresharedKey {
  return key !== undefined && key !== "none";
}

/** Reads one file. */
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
  readonly #peers = new Map<PublicKey, PeerConfig>();
  #section: Section | undefined;

  read([first, ...rest]: readonly Line[]): Reading {
    if (first !== undefined && isUtf16(first.text)) {
      this.#report(first, 0, utf16.problem, utf16.expected);
    } else if (first !== undefined) {
      this.#readLine(first.text.startsWith("\ufeff") ? this.#withoutMark(first) : first);
      for (const line of rest) this.#readLine(line);
    }
    this.#endSection();
    return {
      config: { ...this.#interface, peers: [...this.#peers.values()] },
      diagnostics: this.#diagnostics.toSorted((a, b) => a.line - b.line || a.column - b.column),
    };
  }

  #withoutMark(first: Line): Line {
    const problem = "this file begins with a byte order mark (U+FEFF)";
    this.#report(first, 0, problem, "UTF-8 without a byte order mark");
    const text = first.text.slice(1);
    return { ...first, text, content: readContent(text) };
  }

  #readLine(line: Line): void {
    const before = this.#diagnostics.length;
    this.#readContent(line);
    const at = line.text.indexOf("\0");
    const isComment = at !== -1 && line.text.slice(0, at).includes("#");
    if (at === -1 || isComment || this.#diagnostics.length > before) return;
    // wg(8) ends the line at a NUL, and wg-quick(8) skips it.
    this.#report(line, at, "there is a NUL (U+0000)", "nothing in its place");
  }

  #readContent(line: Line): void {
    const { content } = line;
    switch (content.kind) {
      case "blank":
        return;
      case "section":
        this.#beginSection(line, content.name, content.at);
        return;
      case "unreadable":
        this.#reportLine(line, content.at, "this is neither a section nor a field", "Key = Value");
        return;
      case "field":
        this.#readField(line, content);
    }
  }

  #beginSection(line: Line, name: string, at: number): void {
    this.#endSection();
    switch (plainName(name)) {
      case "interface":
        this.#section = { kind: "interface", isPlain: withoutSpace(name) === name };
        return;
      case "peer":
        this.#section = { kind: "peer", draft: { allowedIps: [] }, line: line.number };
        return;
      default:
        this.#reportLine(line, at, "there is no such section", "[Interface] or [Peer]");
    }
  }

  #endSection(): void {
    const section = this.#section;
    this.#section = undefined;
    if (section?.kind !== "peer") return;
    const { publicKey, ...rest } = section.draft;
    if (publicKey !== undefined) {
      this.#addPeer(publicKey, rest);
      return;
    }
    if (hasKey(rest.presharedKey)) rest.presharedKey.destroy();
    const problem = "this peer has no public key";
    this.#diagnostics.push({
      line: section.line,
      column: 1,
      problem,
      expected: "a PublicKey field",
    });
  }

  /**
   * Adds a peer. To wg(8), two sections of one peer are one peer: the fields of the later section count,
   * and those of the earlier one that the later does not have, except for allowed IPs. The peer takes the
   * later section's place, because an allowed IP belongs to the last peer that lists it.
   */
  #addPeer(publicKey: PublicKey, later: PeerFields): void {
    const before = this.#peers.get(publicKey);
    if (before === undefined && isComplete(later)) {
      this.#peers.set(publicKey, { publicKey, ...later }); // fast path for large files
      return;
    }
    const { presharedKey: earlierKey, ...earlier } = before ?? {};
    const { presharedKey: laterKey, ...rest } = later;
    const key = laterKey ?? earlierKey;
    if (key !== earlierKey) earlierKey?.destroy();
    const peer = { ...earlier, publicKey, ...rest };
    this.#peers.delete(publicKey);
    this.#peers.set(publicKey, hasKey(key) ? { ...peer, presharedKey: key } : peer);
  }

  #readField(line: Line, content: FieldContent): void {
    const section = this.#section;
    if (section === undefined) {
      const expected = "[Interface] or [Peer] before it";
      this.#reportLine(line, content.at, "this field is not in a section", expected);
    } else if (section.kind === "peer") {
      this.#setField(line, peerByName, section.draft, content, true);
    } else {
      this.#setField(line, interfaceByName, this.#interface, content, section.isPlain);
    }
  }

  #setField<Draft>(
    line: Line,
    fields: Fields<Draft>,
    draft: Draft,
    { key, value, at, valueAt }: FieldContent,
    isPlainSection: boolean,
  ): void {
    const kind = findField(fields, key);
    if (kind === undefined) {
      // A line that is only a key in base64 looks like a field as well.
      const named = /^[A-Za-z]{1,20}$/.test(key) ? ` ${key}` : "";
      this.#reportLine(line, at, `there is no field${named} in this section`, namesOf(fields));
    } else if (kind.program === "wg-quick" && !isPlainSection) {
      const problem =
        "wg-quick ignores this field, because its section's name has white space in it";
      this.#reportLine(line, at, problem, "[Interface] without white space");
    } else {
      const wrong = setField(kind, draft, value);
      if (wrong !== undefined) {
        this.#reportLine(line, valueAt + wrong.at, wrong.problem, kind.expected);
      }
    }
  }

  /** Reports a problem, or an invisible character in the line, which nobody would find otherwise. */
  #reportLine(line: Line, at: number, problem: string, expected: string): void {
    const found = invisibleCharacter(line.text);
    if (found === undefined) this.#report(line, at, problem, expected);
    else this.#report(line, found.at, `there is ${found.name}`, "a space in its place, or nothing");
  }

  #report(line: Line, at: number, problem: string, expected: string): void {
    this.#diagnostics.push({ line: line.number, column: at + 1, problem, expected });
  }
}
