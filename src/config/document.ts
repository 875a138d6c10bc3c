import type { PeerConfig } from "../device/config.js";
import { WgBridgeError } from "../errors.js";
import { type PublicKey, publicKey } from "../values/key.js";
import type { Config } from "./config.js";
import { interfaceFields, peerFields } from "./fields.js";
import { peerLines } from "./format.js";
import { type Line, readLines } from "./lines.js";
import { configOf } from "./parse.js";

/**
 * A configuration file to be edited in place. Each edit touches only its own lines: comments, order
 * and spelling of all others stay as they are, byte for byte. An edit that would make the file
 * unreadable throws ConfigError and changes nothing.
 */
export class ConfigDocument {
  #lines: readonly Line[];
  #config: Config;

  private constructor(lines: readonly Line[]) {
    this.#lines = lines;
    this.#config = configOf(lines);
  }

  /** Throws ConfigError as parseConfig does. */
  static parse(text: string): ConfigDocument {
    return new ConfigDocument(readLines(text));
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
   * Sets a field of [Interface] to values, one line each, or removes it where there is none. The
   * first line that has the field keeps its place, its spelling and its comment.
   */
  setInterface(name: string, ...values: readonly string[]): void {
    this.#setField(this.#interfaceSection(), spelling(interfaceFields, name), values);
  }

  /** Sets a field of a peer, as setInterface does. */
  setPeer(peer: PublicKey, name: string, ...values: readonly string[]): void {
    this.#setField(this.#peerSection(peer), spelling(peerFields, name), values);
  }

  /** Adds a peer at the file's end. */
  addPeer(peer: PeerConfig): void {
    const text = this.toString();
    const gap = text === "" || text.endsWith("\n\n") ? "" : text.endsWith("\n") ? "\n" : "\n\n";
    const end = this.#lines.some((line) => line.end === "\r\n") ? "\r\n" : "\n";
    const added = `${gap}${peerLines(peer).join("\n")}\n`.replaceAll("\n", end);
    this.#become(text + added);
  }

  /** Removes a peer with all lines of its section, up to the comment before the next one. */
  removePeer(peer: PublicKey): void {
    const { start, end } = this.#peerSection(peer);
    this.#replace(start, end, []);
  }

  #interfaceSection(): Span {
    const section = this.#sections().find(({ name }) => name === "interface");
    if (section !== undefined) return section;
    throw new WgBridgeError(
      "WG_BRIDGE_CONFIG",
      "This configuration has no [Interface] section to edit: add one first.",
    );
  }

  #peerSection(peer: PublicKey): Span {
    const section = this.#sections().find((span) => span.publicKey === peer);
    if (section !== undefined) return section;
    throw new WgBridgeError(
      "WG_BRIDGE_CONFIG",
      `This configuration has no peer ${peer}: add it first.`,
    );
  }

  #sections(): readonly Span[] {
    const starts = this.#lines.flatMap(({ content }, index) =>
      content.kind === "section" ? [{ index, name: content.name.toLowerCase() }] : [],
    );
    return starts.map(({ index, name }, order) => {
      const next = starts[order + 1]?.index;
      const end = next === undefined ? this.#lines.length : this.#beforeComments(index, next);
      return { name, start: index, end, publicKey: this.#publicKeyIn(index, end) };
    });
  }

  /** Comments right above a section belong to it, not to the one before. */
  #beforeComments(start: number, next: number): number {
    let end = next;
    while (end - 1 > start && this.#lines[end - 1]?.text.trimStart().startsWith("#")) end--;
    return end;
  }

  #publicKeyIn(start: number, end: number): PublicKey | undefined {
    const field = this.#fieldsIn(start, end, "publickey").at(-1);
    return field === undefined ? undefined : publicKey(field.value);
  }

  #fieldsIn(start: number, end: number, name: string) {
    return this.#lines
      .slice(start, end)
      .flatMap((line, offset) =>
        line.content.kind === "field" && line.content.key.toLowerCase() === name
          ? [{ ...line.content, index: start + offset, line }]
          : [],
      );
  }

  #setField({ start, end }: Span, name: string, values: readonly string[]): void {
    const present = this.#fieldsIn(start, end, name.toLowerCase());
    const [first] = present;
    const text = values.map((value) => {
      if (first === undefined) return `${name} = ${value}`;
      const { valueAt, line } = first;
      const after = line.text.slice(valueAt + first.value.length);
      return line.text.slice(0, valueAt) + value + after;
    });
    const at = first?.index ?? this.#lastFieldIn(start, end) + 1;
    const removed = new Set(present.map(({ index }) => index));
    const kept = this.#lines.slice(at, end).filter((_, offset) => !removed.has(at + offset));
    this.#replace(at, end, [...text.map((line) => this.#newLine(line)), ...kept.map(written)]);
  }

  #lastFieldIn(start: number, end: number): number {
    const last = this.#lines
      .slice(start, end)
      .findLastIndex(({ content }) => content.kind === "field");
    return start + Math.max(last, 0);
  }

  #newLine(text: string): string {
    return text + (this.#lines.some(({ end }) => end === "\r\n") ? "\r\n" : "\n");
  }

  #replace(start: number, end: number, texts: readonly string[]): void {
    const before = this.#lines.slice(0, start).map(written).join("");
    const after = this.#lines.slice(end).map(written).join("");
    const joint = before === "" || before.endsWith("\n") || texts.length === 0 ? "" : "\n";
    this.#become(before + joint + texts.join("") + after);
  }

  #become(text: string): void {
    const next = ConfigDocument.parse(text);
    this.#lines = next.#lines;
    this.#config = next.#config;
  }
}

interface Span {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly publicKey: PublicKey | undefined;
}

function written({ text, end }: Line): string {
  return text + end;
}

function spelling(fields: readonly { readonly name: string }[], name: string): string {
  const found = fields.find((kind) => kind.name.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found.name;
  throw new WgBridgeError(
    "WG_BRIDGE_CONFIG",
    `There is no field of this name here. Choose one of ${fields.map((kind) => kind.name).join(", ")}.`,
  );
}
