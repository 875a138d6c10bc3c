import type { PeerConfig, PeerInput } from "../device/config.js";
import { WgBridgeError } from "../errors.js";
import { peerConfig } from "../input/config.js";
import { type PublicKey, publicKey } from "../values/key.js";
import type { Config } from "./config.js";
import { interfaceFields, peerFields } from "./fields.js";
import { checkValue, peerLines } from "./format.js";
import { checkFileText, type Line, plainName, readLines, withoutSpace } from "./lines.js";
import { configOf } from "./parse.js";
import { afterLastField, type Section, sectionsOf } from "./sections.js";

/**
 * A configuration file that can be edited in place. An edit changes only the lines that it concerns. All
 * others keep their comments, order and spelling byte for byte, as do the line ends, and whether the last
 * line has one. An edit that would make the file unreadable throws and changes nothing.
 */
export class ConfigDocument {
  #lines: readonly Line[];
  #config: Config;

  private constructor(lines: readonly Line[]) {
    this.#lines = lines;
    this.#config = configOf(lines);
  }

  /** Reads a file. Throws ConfigError as parseConfig does. */
  static parse(text: string | Uint8Array): ConfigDocument {
    return new ConfigDocument(readLines(checkFileText(text)));
  }

  /** The configuration in the file. */
  get config(): Config {
    return this.#config;
  }

  /** Returns the text of the file. */
  toString(): string {
    return this.#lines.map(({ text, end }) => text + end).join("");
  }

  /**
   * Sets a field of [Interface] to the values, one line each, or removes it if there are none. Lines that
   * already have the field keep their place, spelling and comment. A missing section is added.
   * @throws WgBridgeError WG_BRIDGE_CONFIG if the name or a value is not valid
   */
  setInterface(name: string, ...values: readonly string[]): void {
    const field = spelling(interfaceFields, name);
    const sections = sectionsOf(this.#lines);
    const found = sections.filter((section) => section.name === "interface");
    if (found.length > 0) this.#setField(found, field, values);
    else if (values.length > 0) this.#addInterface(sections[0]?.start, field, values);
  }

  /**
   * Sets a field of a peer as setInterface does. If the peer has several sections, the last one gets it.
   * @throws WgBridgeError WG_BRIDGE_CONFIG if the name or a value is not valid, or the peer is missing
   */
  setPeer(peer: string, name: string, ...values: readonly string[]): void {
    this.#setField(this.#peerSections(publicKey(peer)), spelling(peerFields, name), values);
  }

  /**
   * Adds a peer at the end of the file.
   * @throws WgBridgeError WG_BRIDGE_CONFIG if the file already has the peer
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
        `This configuration already has the peer ${peer.publicKey}: set its fields, or remove it first.`,
      );
    }
    const last = this.#lines.at(-1);
    const gap = last === undefined || isBlank(last) ? [] : [""];
    this.#become([...this.#written(), ...this.#ended([...gap, ...peerLines(peer)])]);
  }

  /**
   * Removes a peer: all its sections, and the comments that belong to them. Those are the comments right
   * above a section, those that follow it without a blank line, and the "end NAME" of a "begin NAME". A
   * peer that is commented out stays, and so does a comment that blank lines separate from the peer.
   * @throws WgBridgeError WG_BRIDGE_CONFIG if the peer is missing
   */
  removePeer(peer: string): void {
    const removed = new Set<number>();
    for (const { start, end } of this.#peerSections(publicKey(peer))) {
      let [first, next] = [start, end];
      while (isBlank(this.#lines[next])) next++;
      const isLast = next === this.#lines.length;
      while (isLast && isBlank(this.#lines[first - 1])) first--;
      for (let index = first; index < next; index++) removed.add(index);
    }
    this.#become(this.#written().filter((_, index) => !removed.has(index)));
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

  /** Sets a field in the last of several sections, which is the one that counts, and removes it elsewhere. */
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
      lines[index] = text.slice(0, valueAt) + next + rest + this.#end;
    }
    const added = checked.slice(kept.length).map((value) => `${field} = ${value}`);
    const last = kept.at(-1);
    const at =
      last === undefined ? afterLastField(this.#lines, target.header, target.end) : last.index + 1;
    lines.splice(at, 0, ...this.#ended(added));
    this.#become(lines.filter((line) => line !== undefined));
  }

  /** Returns all lines, each with an end. #become removes that of the last line again if it had none. */
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

/** Reports whether a line is there and has not even a comment. */
function isBlank(line: Line | undefined): boolean {
  return line?.text.trim() === "";
}

function spelling(fields: readonly { readonly name: string }[], name: string): string {
  const found = fields.find((kind) => kind.name.toLowerCase() === String(name).toLowerCase());
  if (found !== undefined) return found.name;
  throw new WgBridgeError(
    "WG_BRIDGE_CONFIG",
    `This section has no field of that name. Choose one of ${fields.map((kind) => kind.name).join(", ")}.`,
  );
}

/** A line of a file that sets a field. */
interface FieldLine {
  readonly index: number;
  readonly text: string;
  readonly value: string;
  readonly valueAt: number;
}

/** Returns the public key of a section, which is undefined unless it is a peer's. */
function keyOf(lines: readonly Line[], { header, end }: Section): PublicKey | undefined {
  const [key] = fieldLines(lines, header, end, "publickey").slice(-1);
  return key === undefined ? undefined : publicKey(withoutSpace(key.value));
}

/** Returns the lines from start to end that set the field with this plain name. */
function fieldLines(
  lines: readonly Line[],
  start: number,
  end: number,
  name: string,
): readonly FieldLine[] {
  return lines.slice(start, end).flatMap(({ text, content }, offset) => {
    if (content.kind !== "field" || plainName(content.key) !== name) return [];
    return [{ index: start + offset, text, value: content.value, valueAt: content.valueAt }];
  });
}
