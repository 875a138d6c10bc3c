import type { Config } from "../../config/config.js";
import { ConfigError, type Diagnostic } from "../../config/diagnostic.js";
import { type Line, plainName, words } from "../../config/lines.js";
import { configOf } from "../../config/parse.js";
import { destroySecrets } from "../../device/secrets.js";
import { allowedIp } from "../../values/allowed-ip.js";
import { canonicalAddress } from "../address.js";
import type { IniContent, IniField } from "./ini.js";
import type { Notes } from "./notes.js";
import { expand } from "./variables.js";

/** What the fields CheckAlive and CheckAliveInterval ask for: hosts whose answers to pings say that all is well. */
export interface CheckAlive {
  readonly addresses: readonly string[];
  /** Between two pings, in seconds. */
  readonly interval: number;
}

/** What [Interface] and [Peer] of a file say. */
export interface WireguardPart {
  readonly config: Config;
  readonly checkAlive?: CheckAlive;
}

/** How a file is read. */
export interface WireguardReading {
  readonly env: NodeJS.ProcessEnv;
  /** Whether the command line says who resolves names. */
  readonly hasDns: boolean;
}

// The fields that wireproxy reads, by their plain names. Of the others, which only wg-quick knows, it ignores all.
const listFields: ReadonlySet<string> = new Set(["address", "dns", "allowedips"]);
const variableFields: ReadonlySet<string> = new Set([
  ...listFields,
  "privatekey",
  "publickey",
  "checkalive",
]);
const knownFields: ReadonlySet<string> = new Set([
  ...variableFields,
  "mtu",
  "listenport",
  "presharedkey",
  "endpoint",
  "persistentkeepalive",
]);

const everything = [allowedIp("0.0.0.0/0"), allowedIp("::/0")];

/** A value in the file. */
interface Found {
  readonly value: string;
  readonly line: number;
  readonly at: number;
}

/**
 * Collects the lines of [Interface] and [Peer], and has them read as those of any WireGuard configuration, after
 * wireproxy's rules for quotes, comments, variables and missing fields.
 */
export class WireguardLines {
  readonly #notes: Notes;
  readonly #reading: WireguardReading;
  readonly #lines: Line[] = [];
  /** Where the value of a variable is, by the number of the line. */
  readonly #variables = new Map<number, number>();
  readonly #checks = new Map<"checkalive" | "checkaliveinterval", Found>();
  #section: "interface" | "peer" | undefined;
  #seen = new Set<string>();

  constructor(notes: Notes, reading: WireguardReading) {
    this.#notes = notes;
    this.#reading = reading;
  }

  /** Adds a line of one of the two sections, or one before any section. */
  add(line: Line, content: IniContent): void {
    if (content.kind === "section") {
      this.#section = plainName(content.name) === "peer" ? "peer" : "interface";
      this.#seen = new Set();
    }
    if (content.kind !== "field") this.#lines.push({ ...line, content });
    else this.#addField(line, content);
  }

  #addField(line: Line, field: IniField): void {
    const name = plainName(field.key);
    this.#warnAbout(line, name, field.key);
    const isCheck = name === "checkalive" || name === "checkaliveinterval";
    if (isCheck && this.#section === "interface") {
      this.#addCheck(name, line, field);
    } else if (!knownFields.has(name)) {
      this.#lines.push(line);
    } else {
      const found = this.#valueOf(line, field, variableFields.has(name));
      // To wireproxy an empty list is an absent one, and wg(8) refuses it.
      if (found === undefined || (found.value === "" && listFields.has(name))) return;
      const { key, at } = field;
      const { value, at: valueAt } = found;
      this.#lines.push({ ...line, content: { kind: "field", key, value, at, valueAt } });
    }
  }

  #warnAbout(line: Line, name: string, key: string): void {
    const repeated = this.#seen.has(name) && knownFields.has(name);
    this.#seen.add(name);
    if (name === "fwmark") {
      const text = "FwMark is set here, which requires CAP_NET_ADMIN; wireproxy ignores it";
      this.#notes.warn(text, line.number);
    }
    if (!repeated) return;
    const here = listFields.has(name) ? "all of them count here" : "the last one counts here";
    const text = `${key} is in this section already: wireproxy reads the first one alone, and ${here}`;
    this.#notes.warn(text, line.number);
  }

  #addCheck(name: "checkalive" | "checkaliveinterval", line: Line, field: IniField): void {
    if (this.#checks.has(name)) {
      const problem = `${field.key} is in this section already`;
      this.#notes.report(line.number, field.at, problem, "one of them");
      return;
    }
    const found = this.#valueOf(line, field, variableFields.has(name));
    if (found !== undefined) this.#checks.set(name, found);
  }

  #valueOf(line: Line, field: IniField, mayBeVariable: boolean): Found | undefined {
    const { number } = line;
    const { value, valueAt: at, wrong } = field;
    const expanded = wrong ?? (mayBeVariable ? expand(value, this.#reading.env) : { value });
    if ("problem" in expanded) {
      this.#notes.report(number, at, expanded.problem, expanded.expected);
      return undefined;
    }
    if ("isVariable" in expanded && expanded.isVariable) this.#variables.set(number, at);
    return { value: expanded.value, line: number, at };
  }

  /** Reads the lines. Adds mistakes and warnings to the notes. Returns undefined if there are mistakes in the lines. */
  read(): WireguardPart | undefined {
    const config = this.#readConfig();
    const checkAlive = this.#readCheckAlive();
    if (config === undefined) return undefined;
    if (!this.#isComplete(config)) {
      destroySecrets(config);
      return undefined;
    }
    const { hasDns } = this.#reading;
    if (!hasDns && !config.dns.some((entry) => canonicalAddress(entry) !== undefined)) {
      this.#notes.warn(
        "There is no DNS with the address of a server: wireproxy then asks this machine for names, and here no name is resolved. Add DNS = ADDRESS, or give --dns or --host-dns",
      );
    }
    const peers = config.peers.map((peer) => {
      if (peer.allowedIps.length > 0) return peer;
      this.#notes.warn(
        `The peer ${peer.publicKey} has no AllowedIPs, so that it gets all traffic, as with wireproxy: write AllowedIPs = 0.0.0.0/0, ::/0, or less`,
      );
      return { ...peer, allowedIps: everything };
    });
    return { config: { ...config, peers }, ...(checkAlive && { checkAlive }) };
  }

  #readConfig(): Config | undefined {
    try {
      return configOf(this.#lines);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#notes.add(...error.diagnostics.map((diagnostic) => this.#placed(diagnostic)));
      return undefined;
    }
  }

  /** Moves a problem with a variable's value to the variable. */
  #placed(diagnostic: Diagnostic): Diagnostic {
    const at = this.#variables.get(diagnostic.line);
    if (at === undefined || diagnostic.column <= at) return diagnostic;
    const problem = `${diagnostic.problem}, which this environment variable contains`;
    return { ...diagnostic, column: at + 1, problem };
  }

  /** Reports what wireproxy requires. */
  #isComplete(config: Config): boolean {
    const lineOf = (section: string) =>
      this.#lines.find(
        ({ content }) => content.kind === "section" && plainName(content.name) === section,
      )?.number;
    if (config.privateKey === undefined) {
      const problem = "there is no private key";
      this.#notes.report(lineOf("interface") ?? 1, 0, problem, "[Interface] with a PrivateKey");
    }
    if (config.peers.length === 0) {
      this.#notes.report(1, 0, "there is no peer", "[Peer] with a PublicKey");
    }
    return config.privateKey !== undefined && config.peers.length > 0;
  }

  #readCheckAlive(): CheckAlive | undefined {
    const given = this.#checks.get("checkalive");
    const interval = this.#checks.get("checkaliveinterval");
    const addresses = given === undefined ? [] : this.#addressesOf(given);
    if (interval === undefined)
      return addresses.length > 0 ? { addresses, interval: 5 } : undefined;
    const seconds = /^\d{1,9}$/.test(interval.value) ? Number(interval.value) : 0;
    if (seconds === 0) {
      const problem = "the value of CheckAliveInterval cannot be read";
      this.#notes.report(interval.line, interval.at, problem, "seconds, 1 or more");
    }
    if (given === undefined) {
      const problem = "CheckAliveInterval has nothing to check";
      this.#notes.report(interval.line, interval.at, problem, "CheckAlive with addresses as well");
    }
    return addresses.length > 0 ? { addresses, interval: seconds } : undefined;
  }

  #addressesOf({ value, line, at }: Found): readonly string[] {
    return [...words(value)].flatMap(({ word, at: wordAt }) => {
      const address = canonicalAddress(word);
      if (address !== undefined) return [address];
      const column = this.#variables.has(line) ? at : at + wordAt;
      const problem = "the value of CheckAlive cannot be read";
      this.#notes.report(line, column, problem, "IP addresses, separated by commas");
      return [];
    });
  }
}
