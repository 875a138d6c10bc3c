import type { PeerConfig, PeerInput } from "../device/config.js";
import { WgBridgeError } from "../errors.js";
import { peerConfig } from "../input/config.js";
import { type PublicKey, publicKey } from "../values/key.js";
import type { Config } from "./config.js";
import { interfaceFields, peerFields } from "./fields.js";
import { checkValue, peerLines } from "./format.js";
import { checkFileText, type Line, plainName, readLines, withoutSpace } from "./lines.js";
import { configOf } from "./parse.js";
import { type Section, sectionsOf } from "./sections.js";

/**
 * A configuration file to be edited in place. Each edit touches only its own lines: comments, order
 * and spelling of all others stay as they are, byte for byte, and so do the line ends, and whether the
 * last line has one. An edit that would make the file unreadable throws and changes nothing.
 */
export class ConfigDocument {
  #lines: readonly Line[];
  #config: Config;

  private constructor(lines: readonly Line[]) {
    this.#lines = lines;
    this.#config = configOf(lines);
  }

  /** Throws ConfigError as parseConfig does. */
  static parse(text: string | Uint8Array): ConfigDocument {
    return new ConfigDocument(readLines(checkFileText(text)));
  }

  /** What the file says now. */
  get config(): Config {
    return this.#config;
  }

  /** The file's text. */
  toString(): string {
    return this.#lines.map(({ text, end }) => text + end).join("");
  }

  /**
   * Sets a field of [Interface] to values, one line each, or removes it where there is none. Lines that
   * have the field keep their place, spelling and comment. Makes the section where there is none.
   * @throws WgBridgeError WG_BRIDGE_CONFIG for a name or a value that is none
   */
  setInterface(name: string, ...values: readonly string[]): void {
    const field = spelling(interfaceFields, name);
    const sections = sectionsOf(this.#lines);
    const found = sections.filter((section) => section.name === "interface");
    if (found.length > 0) this.#setField(found, field, values);
    else if (values.length > 0) this.#addInterface(sections[0]?.start, field, values);
  }

  /**
   * Sets a field of a peer, as setInterface does. Of a peer with several sections it is the last one's.
   * @throws WgBridgeError WG_BRIDGE_CONFIG, also where there is no such peer
   */
  setPeer(peer: string, name: string, ...values: readonly string[]): void {
    this.#setField(this.#peerSections(publicKey(peer)), spelling(peerFields, name), values);
  }

  /**
   * Adds a peer at the file's end.
   * @throws WgBridgeError WG_BRIDGE_CONFIG where there is this peer already
   */
  addPeer(peer: PeerInput): void {
    const read = peerConfig(peer, () => "peer");
    try {
      this.#addPeer(read);
    } finally {
      read.presharedKey?.destroy();
    }
  }

  #addPeer(peer: PeerConfig): void {
    if (this.#sectionsOfPeer(peer.publicKey).length > 0) {
      throw new WgBridgeError(
        "WG_BRIDGE_CONFIG",
        `This configuration has the peer ${peer.publicKey} already: set its fields, or remove it first.`,
      );
    }
    const last = this.#lines.at(-1);
    const gap = last === undefined || isEmpty(last) ? [] : [""];
    this.#become([...this.#written(), ...this.#ended([...gap, ...peerLines(peer)])]);
  }

  /**
   * Removes a peer with all lines of its sections and the comments that belong to them: those right
   * above, those that follow without a gap, and an "end NAME" to a "begin NAME". A peer that is
   * commented out stays, and so does a comment that is apart.
   * @throws WgBridgeError WG_BRIDGE_CONFIG where there is no such peer
   */
  removePeer(peer: string): void {
    const removed = new Set<number>();
    for (const { start, end } of this.#peerSections(publicKey(peer))) {
      const next = this.#afterEmpty(end);
      // What is last leaves no gap behind it.
      const from = next === this.#lines.length ? this.#beforeEmpty(start) : start;
      for (let index = from; index < next; index++) removed.add(index);
    }
    this.#become(this.#written().filter((_, index) => !removed.has(index)));
  }

  #beforeEmpty(index: number): number {
    let at = index;
    for (; at > 0; at--) {
      const line = this.#lines[at - 1];
      if (line === undefined || !isEmpty(line)) break;
    }
    return at;
  }

  #afterEmpty(index: number): number {
    let at = index;
    for (; at < this.#lines.length; at++) {
      const line = this.#lines[at];
      if (line === undefined || !isEmpty(line)) break;
    }
    return at;
  }

  #sectionsOfPeer(peer: PublicKey): readonly Section[] {
    return sectionsOf(this.#lines).filter((section) => keyOf(this.#lines, section) === peer);
  }

  #peerSections(peer: PublicKey): readonly Section[] {
    const sections = this.#sectionsOfPeer(peer);
    if (sections.length > 0) return sections;
    throw new WgBridgeError(
      "WG_BRIDGE_CONFIG",
      `This configuration has no peer ${peer}: add it first.`,
    );
  }

  #addInterface(before: number | undefined, field: string, values: readonly string[]): void {
    const fields = values.map((value) => `${field} = ${checkValue(field, value)}`);
    const lines = this.#written();
    const gap = before === undefined ? [] : [""];
    lines.splice(before ?? lines.length, 0, ...this.#ended(["[Interface]", ...fields, ...gap]));
    this.#become(lines);
  }

  /** The last of several sections is the one that counts: there the field goes, and from the others. */
  #setField(sections: readonly Section[], field: string, values: readonly string[]): void {
    const target = sections.at(-1);
    if (target === undefined) return;
    const checked = values.map((value) => checkValue(field, value));
    const name = plainName(field);
    const present = sections.flatMap(({ header, end }) =>
      fieldLines(this.#lines, header, end, name),
    );
    const kept = present.filter(({ index }) => index >= target.header).slice(0, checked.length);
    const lines: (string | undefined)[] = this.#written();
    for (const { index } of present) lines[index] = undefined;
    for (const [order, { index, text, value, valueAt }] of kept.entries()) {
      const next = checked[order] ?? value;
      const rest = text.slice(valueAt + value.length);
      lines[index] = this.#ended([text.slice(0, valueAt) + next + rest]).join("");
    }
    const added = checked.slice(kept.length).map((value) => `${field} = ${value}`);
    const last = kept.at(-1);
    const at = last === undefined ? afterLastField(this.#lines, target) : last.index + 1;
    lines.splice(at, 0, ...this.#ended(added));
    this.#become(lines.filter((line) => line !== undefined));
  }

  /** All lines, each with an end: whether the last one has it, is for the whole file to keep. */
  #written(): string[] {
    return this.#lines.map(({ text, end }) => text + (end || this.#end));
  }

  #ended(lines: readonly string[]): readonly string[] {
    return lines.map((line) => line + this.#end);
  }

  get #end(): string {
    return this.#lines[0]?.end || "\n";
  }

  #become(written: readonly string[]): void {
    const text = written.join("");
    const open = this.#lines.at(-1)?.end === "";
    const next = ConfigDocument.parse(open ? text.replace(/\r?\n$/, "") : text);
    this.#lines = next.#lines;
    this.#config = next.#config;
  }
}

/** Has not even a comment. */
function isEmpty({ text }: Line): boolean {
  return text.trim() === "";
}

function spelling(fields: readonly { readonly name: string }[], name: string): string {
  const found = fields.find((kind) => kind.name.toLowerCase() === String(name).toLowerCase());
  if (found !== undefined) return found.name;
  throw new WgBridgeError(
    "WG_BRIDGE_CONFIG",
    `There is no field of this name here. Choose one of ${fields.map((kind) => kind.name).join(", ")}.`,
  );
}

/** A field's line within a file. */
interface FieldLine {
  readonly index: number;
  readonly text: string;
  readonly value: string;
  readonly valueAt: number;
}

/** The public key of a peer's section in a readable file. */
function keyOf(lines: readonly Line[], { header, end }: Section): PublicKey | undefined {
  const [key] = fieldLines(lines, header, end, "publickey").slice(-1);
  return key === undefined ? undefined : publicKey(withoutSpace(key.value));
}

/** The lines from start to end that have a field of this plain name. */
function fieldLines(
  lines: readonly Line[],
  start: number,
  end: number,
  name: string,
): readonly FieldLine[] {
  const found: FieldLine[] = [];
  for (let index = start; index < end; index++) {
    const { text, content } = lines[index] ?? {};
    if (text === undefined || content?.kind !== "field" || plainName(content.key) !== name)
      continue;
    found.push({ index, text, value: content.value, valueAt: content.valueAt });
  }
  return found;
}

/** Where a new field belongs: after the section's last one. */
function afterLastField(lines: readonly Line[], { header, end }: Section): number {
  let at = end;
  while (at - 1 > header && lines[at - 1]?.content.kind !== "field") at--;
  return at;
}
