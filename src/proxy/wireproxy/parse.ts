import { dirname, join } from "node:path/posix";
import { isUtf16, utf16 } from "../../config/characters.js";
import { ConfigError, type Diagnostic } from "../../config/diagnostic.js";
import { checkFileText, type Line, plainName, readLines } from "../../config/lines.js";
import { destroySecrets } from "../../device/secrets.js";
import type { HostPort } from "../address.js";
import { type IniContent, type IniField, readIniLine } from "./ini.js";
import { type Listeners, ListenersReader, type ListenersReading } from "./listeners.js";
import { Notes } from "./notes.js";
import { sectionKind, sectionList, unsupportedSections } from "./sections.js";
import { WireguardLines, type WireguardPart, type WireguardReading } from "./wireguard.js";

/** What wireproxy's file says, as options of `wg-bridge proxy`. */
export interface WireproxyFile extends Listeners {
  /** WireGuard's configuration, or the file that WGConfig names: see wireguardFile. */
  readonly wireguard: WireguardPart | { readonly file: string };
  /** Where standard input and output lead. */
  readonly stdio?: HostPort;
  /** Sentences for people: whatever differs from wireproxy. */
  readonly warnings: readonly string[];
}

/** How a file is read. */
export type WireproxyReading = WireguardReading & ListenersReading;

/**
 * Reports whether a text is a file of wireproxy, and not one for wg(8) or wg-quick(8) alone: whether it has one of
 * wireproxy's sections, or a field that only wireproxy knows.
 */
export function isWireproxyFile(text: string | Uint8Array): boolean {
  let section: string | undefined;
  for (const { text: line } of linesOf(text)) {
    const content = readIniLine(line);
    if (content.kind === "section") {
      section = plainName(content.name);
      if (sectionKind(section) !== undefined || unsupportedSections.has(section)) return true;
    } else if (content.kind === "field") {
      const name = plainName(content.key);
      if (section === undefined && name === "wgconfig") return true;
      if (section === "interface" && name.startsWith("checkalive")) return true;
    }
  }
  return false;
}

/**
 * Reads a file of wireproxy.
 * @throws ConfigError with every mistake
 */
export function parseWireproxy(
  text: string | Uint8Array,
  reading: WireproxyReading,
): WireproxyFile {
  const { file, diagnostics } = new WireproxyReader(reading, true).read(text);
  return refuseMistakes(file, diagnostics);
}

/** Returns every mistake in a file of wireproxy, in order; none if parseWireproxy reads it. */
export function checkWireproxy(
  text: string | Uint8Array,
  reading: WireproxyReading,
): readonly Diagnostic[] {
  const { file, diagnostics } = new WireproxyReader(reading, true).read(text);
  if ("config" in file.wireguard) destroySecrets(file.wireguard.config);
  return diagnostics;
}

/**
 * Reads the file that WGConfig names, by wireproxy's rules for [Interface] and [Peer].
 * @throws ConfigError with every mistake
 */
export function parseWireguardFile(
  text: string | Uint8Array,
  reading: WireguardReading,
): WireguardPart & Pick<WireproxyFile, "warnings"> {
  const whole = { ...reading, open: false, hasUsers: false };
  const { file, diagnostics } = new WireproxyReader(whole, false).read(text);
  const { wireguard, warnings } = refuseMistakes(file, diagnostics);
  if ("file" in wireguard) throw new Error("WGConfig was read where it is not looked for");
  return { ...wireguard, warnings };
}

/** Returns the path of the file that WGConfig names. A bare name is looked for beside wireproxy's own file. */
export function wireguardFile(wireproxyFile: string, named: string): string {
  return named.includes("/") ? named : join(dirname(wireproxyFile), named);
}

function refuseMistakes(file: WireproxyFile, diagnostics: readonly Diagnostic[]): WireproxyFile {
  const [first] = diagnostics;
  if (first === undefined) return file;
  if ("config" in file.wireguard) destroySecrets(file.wireguard.config);
  throw new ConfigError(first, diagnostics);
}

/** wireproxy skips a byte order mark. */
function linesOf(text: string | Uint8Array): readonly Line[] {
  return readLines(checkFileText(text).replace(/^\ufeff/, ""));
}

/** Stands for a configuration that could not be read. */
const nothing = { file: "" };

/** Reads one file. */
class WireproxyReader {
  readonly #notes = new Notes();
  readonly #wireguard: WireguardLines;
  readonly #listeners: ListenersReader;
  /** Whether it may have proxies, and may name another file. */
  readonly #isMain: boolean;
  /** "ignored" is a section of which nothing is used. */
  #section: "root" | "wireguard" | "listener" | "ignored" = "root";
  #wgConfig: string | undefined;

  constructor(reading: WireproxyReading, isMain: boolean) {
    this.#wireguard = new WireguardLines(this.#notes, reading);
    this.#listeners = new ListenersReader(this.#notes, reading);
    this.#isMain = isMain;
  }

  read(text: string | Uint8Array): {
    readonly file: WireproxyFile;
    readonly diagnostics: readonly Diagnostic[];
  } {
    const lines = linesOf(text);
    const [first] = lines;
    if (first !== undefined && isUtf16(first.text)) {
      this.#notes.report(first.number, 0, utf16.problem, utf16.expected);
      this.#wgConfig = ""; // nothing else can be said of it
    } else {
      for (const line of lines) this.#readLine(line, readIniLine(line.text));
    }
    const { stdio, ...listeners } = this.#listeners.end();
    const part = this.#wgConfig === undefined ? this.#wireguard.read() : { file: this.#wgConfig };
    const { diagnostics, warnings } = this.#notes;
    const file = {
      ...listeners,
      ...(stdio && { stdio }),
      wireguard: part ?? nothing,
      warnings,
    };
    return { file, diagnostics };
  }

  #readLine(line: Line, content: IniContent): void {
    if (content.kind === "section") {
      this.#beginSection(line, content);
      return;
    }
    switch (this.#section) {
      case "root":
        if (!this.#readWgConfig(line, content)) this.#wireguard.add(line, content);
        return;
      case "wireguard":
        this.#wireguard.add(line, content);
        return;
      case "listener":
        this.#listeners.add(line, content);
        return;
      case "ignored":
    }
  }

  #beginSection(line: Line, content: IniContent & { readonly kind: "section" }): void {
    const kind = sectionKind(content.name);
    const name = plainName(content.name);
    const unsupported = unsupportedSections.get(name);
    if (name === "interface" || name === "peer") {
      this.#beginWireguard(line, content);
    } else if (kind !== undefined && this.#isMain) {
      this.#section = "listener";
      this.#listeners.begin(line.number, content.at, kind);
    } else if (kind !== undefined || unsupported !== undefined) {
      this.#section = "ignored";
      const unused = "this section is not used: it must be in the file that has WGConfig";
      this.#notes.warn(
        this.#isMain && unsupported !== undefined ? unsupported : unused,
        line.number,
      );
    } else {
      this.#section = "ignored";
      this.#notes.report(line.number, content.at, "there is no such section", sectionList);
    }
  }

  #beginWireguard(line: Line, content: IniContent): void {
    if (this.#wgConfig === undefined) {
      this.#section = "wireguard";
      this.#wireguard.add(line, content);
      return;
    }
    this.#section = "ignored";
    const text = "this section is not used, since WGConfig names another file for it";
    this.#notes.warn(text, line.number);
  }

  /** Returns whether the line is WGConfig. */
  #readWgConfig(line: Line, content: IniContent): boolean {
    if (!this.#isMain || content.kind !== "field" || plainName(content.key) !== "wgconfig") {
      return false;
    }
    const mistake = this.#wgConfigMistake(content);
    if (mistake === undefined) this.#wgConfig = content.value;
    else {
      const { at, problem, expected } = mistake;
      this.#notes.report(line.number, at, problem, expected);
      this.#wgConfig ??= "";
    }
    return true;
  }

  #wgConfigMistake({ at, value, valueAt, wrong }: IniField) {
    if (wrong !== undefined) return { at: valueAt, ...wrong };
    const expected = "one path of a file";
    if (this.#wgConfig !== undefined) return { at, problem: "WGConfig is given already", expected };
    if (value !== "" && !value.includes("\0")) return undefined;
    return { at: valueAt, problem: "the value of WGConfig cannot be read", expected };
  }
}
