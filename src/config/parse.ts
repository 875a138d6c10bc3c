import type { PeerConfig } from "../device/config.js";
import { destroySecrets } from "../device/secrets.js";
import type { PresharedKey, PublicKey } from "../values/key.js";
import { isUtf16, unseenCharacter } from "./characters.js";
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
import {
  checkFileText,
  type Line,
  plainName,
  readContent,
  readLines,
  withoutSpace,
} from "./lines.js";

/**
 * Reads the text of a file for wg(8) or wg-quick(8), or its bytes, as they read it. Refused is also what they take by
 * accident: a port by a service's name, with a sign or above 65535, an endpoint's port 0, IPv4
 * addresses of fewer than four numbers or with leading zeros, a NUL, and a value for MTU, Address or
 * Table that ip(8) would refuse.
 * @throws ConfigError with every problem; its line and column are the first one's
 */
export function parseConfig(text: string | Uint8Array): Config {
  return configOf(readLines(checkFileText(text)));
}

/** Every problem of the text, in order; none for a text that parseConfig reads. */
export function checkConfig(text: string | Uint8Array): readonly Diagnostic[] {
  const { config, diagnostics } = read(readLines(checkFileText(text)));
  destroySecrets(config);
  return diagnostics;
}

/** Reads lines. Throws as parseConfig does. */
export function configOf(lines: readonly Line[]): Config {
  const { config, diagnostics } = read(lines);
  const [first] = diagnostics;
  if (first === undefined) return config;
  destroySecrets(config);
  throw new ConfigError(first, diagnostics);
}

/** What was read, problems and all. */
interface Reading {
  readonly config: Config;
  /** In their order in the file. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads the lines of a file, whatever they are. */
function read(lines: readonly Line[]): Reading {
  const reader = new Reader();
  const [first, ...rest] = lines;
  if (first !== undefined) reader.takeFirst(first, rest);
  return reader.end();
}

/** A section that fields can stand in; plain is a name without white space in it. */
type Section =
  | { readonly kind: "interface"; readonly plain: boolean }
  | { readonly kind: "peer"; readonly draft: PeerDraft; readonly line: number };

/** The fields of a section by their plain names, and as they are mostly spelled. */
type Fields<Draft> = ReadonlyMap<string, FieldKind<Draft>>;

function byName<Draft>(fields: readonly FieldKind<Draft>[]): Fields<Draft> {
  return new Map(
    fields.flatMap((field) => [
      [field.name, field],
      [plainName(field.name), field],
    ]),
  );
}

/** wg(8) overlooks white space in a name, wg-quick(8) does not. */
function fieldCalled<Draft>(fields: Fields<Draft>, key: string): FieldKind<Draft> | undefined {
  const exact = fields.get(key);
  if (exact !== undefined) return exact;
  const kind = fields.get(plainName(key));
  return kind?.program === "wg-quick" && withoutSpace(key) !== key ? undefined : kind;
}

const interfaceByName = byName(interfaceFields);
const peerByName = byName(peerFields);

const namesOf = (fields: Fields<never>) =>
  [...new Set(Array.from(fields.values(), ({ name }) => name))].join(", ");

function hasKey(key: PresharedKey | "none" | undefined): key is PresharedKey {
  return key !== undefined && key !== "none";
}

type LaterFields = Omit<PeerDraft, "publicKey">;

/** Whether there is nothing to take away from a peer. */
function isWhole(later: LaterFields): later is LaterFields & { presharedKey?: PresharedKey } {
  return later.presharedKey !== "none";
}

interface FieldContent {
  readonly key: string;
  readonly value: string;
  readonly at: number;
  readonly valueAt: number;
}

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
  readonly #peers = new Map<PublicKey, PeerConfig>();
  #section: Section | undefined;

  /** Takes a file's first line, which tells how the file is encoded, and the others. */
  takeFirst(first: Line, rest: readonly Line[]): void {
    if (isUtf16(first.text)) {
      this.#say(first, 0, "this file is UTF-16", "UTF-8 without a byte order mark");
      return;
    }
    this.#take(first.text.startsWith("\ufeff") ? this.#withoutMark(first) : first);
    for (const line of rest) this.#take(line);
  }

  #withoutMark(first: Line): Line {
    const problem = "this file begins with a byte order mark (U+FEFF)";
    this.#say(first, 0, problem, "UTF-8 without a byte order mark");
    const text = first.text.slice(1);
    return { ...first, text, content: readContent(text) };
  }

  #take(line: Line): void {
    const before = this.#diagnostics.length;
    this.#takeContent(line);
    const at = line.text.indexOf("\0");
    if (at === -1 || this.#diagnostics.length > before || line.text.slice(0, at).includes("#"))
      return;
    // wg(8) ends a line there, wg-quick(8) leaves it out.
    this.#say(line, at, "there is a NUL (U+0000)", "nothing in its place");
  }

  #takeContent(line: Line): void {
    const { content } = line;
    switch (content.kind) {
      case "blank":
        return;
      case "section":
        this.#begin(line, content.name, content.at);
        return;
      case "unreadable":
        this.#problem(line, content.at, "this is neither a section nor a field", "Key = Value");
        return;
      case "field":
        this.#field(line, content);
    }
  }

  end(): Reading {
    this.#endSection();
    return {
      config: { ...this.#interface, peers: [...this.#peers.values()] },
      diagnostics: this.#diagnostics.toSorted((a, b) => a.line - b.line || a.column - b.column),
    };
  }

  #begin(line: Line, name: string, at: number): void {
    this.#endSection();
    switch (plainName(name)) {
      case "interface":
        this.#section = { kind: "interface", plain: withoutSpace(name) === name };
        return;
      case "peer":
        this.#section = { kind: "peer", draft: { allowedIps: [] }, line: line.number };
        return;
      default:
        this.#problem(line, at, "there is no such section", "[Interface] or [Peer]");
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
    this.#diagnostics.push({ line: section.line, column: 1, problem, expected: "PublicKey in it" });
  }

  /**
   * A peer that has two sections is one for wg(8): the later one's fields count, and the earlier one's
   * that it does not mention, except for allowed IPs. It takes the later one's place, because an
   * allowed IP belongs to the last peer that names it.
   */
  #addPeer(publicKey: PublicKey, later: LaterFields): void {
    const before = this.#peers.get(publicKey);
    if (before === undefined && isWhole(later)) {
      this.#peers.set(publicKey, { publicKey, ...later });
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

  #field(line: Line, content: FieldContent): void {
    const section = this.#section;
    switch (section?.kind) {
      case "peer":
        this.#takeField(line, peerByName, section.draft, content);
        return;
      case "interface":
        this.#takeField(line, interfaceByName, this.#interface, content, section.plain);
        return;
      default:
        this.#problem(
          line,
          content.at,
          "this field is in no section",
          "[Interface] or [Peer] before it",
        );
    }
  }

  #takeField<Draft>(
    line: Line,
    fields: Fields<Draft>,
    draft: Draft,
    { key, value, at, valueAt }: FieldContent,
    plainSection = true,
  ): void {
    const kind = fieldCalled(fields, key);
    if (kind === undefined) {
      // A line that holds only a key in base64 looks like a field as well.
      const named = /^[A-Za-z]{1,20}$/.test(key) ? ` ${key}` : "";
      this.#problem(line, at, `there is no field${named} in this section`, namesOf(fields));
    } else if (kind.program === "wg-quick" && !plainSection) {
      const problem = "wg-quick does not find this field below a name with white space";
      this.#problem(line, at, problem, "[Interface] before it");
    } else {
      const problem = takeField(kind, draft, value);
      if (problem !== undefined)
        this.#problem(line, valueAt + problem.at, problem.problem, kind.expected);
    }
  }

  /** Where a character is not seen it is named, for nobody would find it. */
  #problem(line: Line, at: number, problem: string, expected: string): void {
    const unseen = unseenCharacter(line.text);
    if (unseen === undefined) this.#say(line, at, problem, expected);
    else this.#say(line, unseen.at, `there is ${unseen.name}`, "a space in its place, or nothing");
  }

  #say(line: Line, at: number, problem: string, expected: string): void {
    this.#diagnostics.push({ line: line.number, column: at + 1, problem, expected });
  }
}
