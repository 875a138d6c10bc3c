import type { Line } from "../../config/lines.js";
import { plainName } from "../../config/lines.js";
import {
  type HostPort,
  isLocal,
  isSocketPath,
  type ListenAddress,
  parseLocalTarget,
  parsePort,
  parseTarget,
  parseTcpListen,
} from "../address.js";
import { type Claim, type Conflict, findConflicts } from "../conflicts.js";
import type { Expose, Forward } from "../forward.js";
import { TextProblem } from "../text-problem.js";
import { checkUser, type ProxyUser } from "../users.js";
import type { IniContent, IniField } from "./ini.js";
import type { Notes } from "./notes.js";
import { type FieldName, fieldsOf, type SectionKind, titleOf } from "./sections.js";
import { expand } from "./variables.js";

/** A proxy of a file. */
export interface FileListener {
  readonly listen: ListenAddress;
  /** Absent: those of the command line, if there are any. */
  readonly users?: readonly ProxyUser[];
}

/** What the sections of a file open. */
export interface Listeners {
  readonly socks5: readonly FileListener[];
  readonly http: readonly FileListener[];
  readonly forward: readonly Forward[];
  readonly expose: readonly Expose[];
}

/** How a file is read. */
export interface ListenersReading {
  readonly env: NodeJS.ProcessEnv;
  /** Whether --open lets everybody use the tunnel. */
  readonly open: boolean;
  /** Whether --auth names users for the proxies that have none of their own. */
  readonly hasUsers: boolean;
}

/** How long a UDP forward without datagrams lasts, in seconds. */
const udpIdle = 300;

/** wireproxy reads these without "$VARIABLE". */
const plainFields: ReadonlySet<FieldName> = new Set([
  "ListenPort",
  "InactivityTimeout",
  "LogDomains",
]);

/** A value of a section's field. */
interface Found {
  readonly value: string;
  readonly line: number;
  readonly at: number;
  /** Whether an environment variable contains it, so that no part of it has a place in the file. */
  readonly isVariable: boolean;
}

/** A section that is being read. */
interface Section {
  readonly kind: SectionKind;
  readonly line: number;
  readonly at: number;
  readonly fields: Map<FieldName, Found>;
  /** The fields with a mistake, so that they do not count as missing. */
  readonly broken: Set<FieldName>;
  readonly warned: Set<FieldName>;
}

/** A claim, and where its mistakes are reported. */
type PlacedClaim = Claim & Pick<Found, "line" | "at">;

/** Reads the sections that open something. */
export class ListenersReader {
  readonly #notes: Notes;
  readonly #reading: ListenersReading;
  readonly #socks5: FileListener[] = [];
  readonly #http: FileListener[] = [];
  readonly #forward: Forward[] = [];
  readonly #expose: Expose[] = [];
  readonly #claims: PlacedClaim[] = [];
  #stdio: { readonly target: HostPort; readonly line: number } | undefined;
  #section: Section | undefined;

  constructor(notes: Notes, reading: ListenersReading) {
    this.#notes = notes;
    this.#reading = reading;
  }

  /** Begins a section, whose header is at an index of a line. */
  begin(line: number, at: number, kind: SectionKind): void {
    this.#endSection();
    const [broken, warned] = [new Set<FieldName>(), new Set<FieldName>()];
    this.#section = { kind, line, at, fields: new Map(), broken, warned };
  }

  /** Adds a line of the section that begin has begun. */
  add(line: Line, content: IniContent): void {
    const section = this.#section;
    if (section === undefined || content.kind === "blank" || content.kind === "section") return;
    if (content.kind === "field") this.#addField(section, line.number, content);
    else {
      const problem = "this is neither a section nor a field";
      this.#notes.report(line.number, content.at, problem, "Key = Value");
    }
  }

  #addField(section: Section, line: number, field: IniField): void {
    const names = fieldsOf(section.kind);
    const name = names.find((one) => plainName(one) === plainName(field.key));
    if (name === undefined) {
      // A line that is only a password or a key may look like a field as well.
      const named = /^[A-Za-z]{1,20}$/.test(field.key) ? ` ${field.key}` : "";
      const problem = `there is no field${named} in [${titleOf(section.kind)}]`;
      this.#notes.report(line, field.at, problem, names.join(", "));
    } else if (name === "TunnelDomains") {
      this.#warnOfDomains(section, line);
    } else if (section.fields.has(name) || section.broken.has(name)) {
      const problem = `${name} is in this section already`;
      this.#notes.report(line, field.at, problem, `one ${name} in each section`);
    } else {
      this.#setField(section, name, line, field);
    }
  }

  #setField(
    section: Section,
    name: FieldName,
    line: number,
    { value, valueAt: at, wrong }: IniField,
  ): void {
    const isPlain = plainFields.has(name);
    const expanded =
      wrong ?? (isPlain ? { value, isVariable: false } : expand(value, this.#reading.env));
    if ("problem" in expanded) {
      section.broken.add(name);
      this.#notes.report(line, at, expanded.problem, expanded.expected);
    } else {
      section.fields.set(name, { ...expanded, line, at });
    }
  }

  /** TunnelDomains may be in a section many times. */
  #warnOfDomains({ warned }: Section, line: number): void {
    if (warned.has("TunnelDomains")) return;
    warned.add("TunnelDomains");
    const text =
      "TunnelDomains is not supported: every connection goes through the tunnel, and none around it";
    this.#notes.warn(text, line);
  }

  #endSection(): void {
    const section = this.#section;
    this.#section = undefined;
    if (section === undefined) return;
    switch (section.kind) {
      case "socks5":
      case "http":
        this.#endProxy(section, section.kind);
        return;
      case "tcpclienttunnel":
      case "udpproxytunnel":
        this.#endForward(section);
        return;
      case "tcpservertunnel":
        this.#endExpose(section);
        return;
      case "stdiotunnel":
        this.#endStdio(section);
    }
  }

  #endProxy(section: Section, kind: "socks5" | "http"): void {
    const users = this.#usersOf(section);
    const found = section.fields.get("BindAddress");
    const listen = this.#require(section, "BindAddress", parseBind);
    const logged = section.fields.get("LogDomains");
    if (logged !== undefined && !/^(?:0|f|n|no|false|off)$/i.test(logged.value)) {
      const text = "LogDomains is not supported: the log names targets at the level verbose";
      this.#notes.warn(text, logged.line);
    }
    if (listen === undefined || found === undefined) return;
    if (kind === "http") this.#checkTls(section, listen);
    const list = kind === "socks5" ? this.#socks5 : this.#http;
    list.push({ listen, ...(users && { users }) });
    const hasUsers = users !== undefined || this.#reading.hasUsers;
    this.#claim(section, found, { kind, listen, hasUsers });
  }

  #usersOf({ fields, broken }: Section): readonly ProxyUser[] | undefined {
    const [user, password] = [fields.get("Username"), fields.get("Password")];
    if (broken.has("Username") || broken.has("Password")) return []; // reported already
    if ((user?.value ?? "") === "" && (password?.value ?? "") === "") return undefined;
    if (user === undefined || password === undefined) {
      const { line, at } = user ?? password ?? { line: 1, at: 0 };
      const [has, lacks] = user === undefined ? ["Password", "Username"] : ["Username", "Password"];
      this.#notes.report(line, at, `there is a ${has} and no ${lacks}`, `a ${lacks} as well`);
      return [];
    }
    const one = { user: user.value, password: password.value };
    try {
      checkUser(one);
    } catch (error) {
      if (!(error instanceof TextProblem)) throw error;
      const { line, at } = error.problem.includes("password") ? password : user;
      this.#notes.report(line, at, error.problem, error.expected);
    }
    return [one];
  }

  #checkTls({ fields }: Section, listen: ListenAddress): void {
    const found = fields.get("CertFile") ?? fields.get("KeyFile");
    if (
      found === undefined ||
      (fields.get("CertFile")?.value ?? fields.get("KeyFile")?.value) === ""
    )
      return;
    if (isLocal(listen)) {
      const text =
        "an HTTP proxy over TLS is not supported: this one speaks plain HTTP, so give clients an address that begins with http://";
      this.#notes.warn(text, found.line);
      return;
    }
    const problem =
      "an HTTP proxy over TLS is not supported, and without it passwords would cross the network in the clear";
    const expected = "a loopback address, or no CertFile and KeyFile";
    this.#notes.report(found.line, found.at, problem, expected);
  }

  #endForward(section: Section): void {
    const protocol = section.kind === "udpproxytunnel" ? "udp" : "tcp";
    const found = section.fields.get("BindAddress");
    const listen = this.#require(section, "BindAddress", parseBind);
    const target = this.#require(section, "Target", parseTarget);
    this.#checkTimeout(section.fields.get("InactivityTimeout"));
    if (listen === undefined || found === undefined || target === undefined) return;
    this.#forward.push({ protocol, listen, target });
    this.#claim(section, found, { kind: "forward", protocol, listen });
  }

  #checkTimeout(found: Found | undefined): void {
    if (found === undefined) return;
    const { value, line, at } = found;
    if (!/^\d{1,9}$/.test(value)) {
      const problem = "the value of InactivityTimeout cannot be read";
      this.#notes.report(line, at, problem, "seconds, 0 or more");
    } else if (Number(value) !== udpIdle) {
      const text = `InactivityTimeout is not supported: a client is forgotten after ${udpIdle} seconds without a datagram`;
      this.#notes.warn(text, line);
    }
  }

  #endExpose(section: Section): void {
    const found = section.fields.get("ListenPort");
    const port = this.#require(section, "ListenPort", (text) => parsePort(text, 1));
    const target = this.#require(section, "Target", parseLocalTarget);
    if (port === undefined || found === undefined || target === undefined) return;
    this.#expose.push({ protocol: "tcp", port, target });
    this.#claim(section, found, { kind: "expose", protocol: "tcp", port });
    const isName = !isSocketPath(target) && /[a-z]/.test(target.host) && !target.host.includes(":");
    if (!isName || isSocketPath(target) || target.host === "localhost") return;
    const text = `this machine looks up ${target.host}, and wireproxy asks the tunnel's DNS for it`;
    this.#notes.warn(text, section.fields.get("Target")?.line);
  }

  #endStdio(section: Section): void {
    const target = this.#require(section, "Target", parseTarget);
    if (target === undefined) return;
    if (this.#stdio === undefined) {
      this.#stdio = { target, line: section.line };
      return;
    }
    const problem = `the [STDIOTunnel] in line ${this.#stdio.line} has standard input already`;
    this.#notes.report(section.line, section.at, problem, "one [STDIOTunnel]");
  }

  #require<T>(section: Section, name: FieldName, parse: (text: string) => T): T | undefined {
    if (section.broken.has(name)) return undefined;
    const found = section.fields.get(name);
    if (found === undefined) {
      const problem = `this [${titleOf(section.kind)}] has no ${name}`;
      this.#notes.report(section.line, section.at, problem, `a ${name} field`);
      return undefined;
    }
    try {
      return parse(found.value);
    } catch (error) {
      if (!(error instanceof TextProblem)) throw error;
      const { problem, expected } = error;
      const at = found.at + (found.isVariable ? 0 : error.at);
      this.#notes.report(
        found.line,
        at,
        `the value of ${name} cannot be read: ${problem}`,
        expected,
      );
      return undefined;
    }
  }

  #claim(section: Section, { line, at }: Found, claim: UnlabelledClaim): void {
    const label = `[${titleOf(section.kind)}] in line ${section.line}`;
    this.#claims.push({ ...claim, label, line, at });
  }

  /** Ends the last section, and returns what all of them open. */
  end(): Listeners & { readonly stdio?: HostPort } {
    this.#endSection();
    for (const conflict of findConflicts(this.#claims, this.#reading.open)) {
      const placed = this.#claims.find((claim) => claim === conflict.claim);
      if (placed === undefined) continue;
      this.#notes.report(placed.line, placed.at, conflict.problem, remedies[conflict.kind]);
    }
    return {
      socks5: this.#socks5,
      http: this.#http,
      forward: this.#forward,
      expose: this.#expose,
      ...(this.#stdio && { stdio: this.#stdio.target }),
    };
  }
}

type WithoutLabel<T> = T extends unknown ? Omit<T, "label"> : never;
type UnlabelledClaim = WithoutLabel<Claim>;

const remedies: Readonly<Record<Conflict["kind"], string>> = {
  "exposed proxy": "a loopback address, a Username and a Password, --auth FILE or --open",
  "exposed forward": "a loopback address, or --open",
  taken: "another address",
  "taken port": "another port",
};

/** Reads an address to listen at. wireproxy takes an absent host as all addresses of the machine. */
function parseBind(text: string): HostPort {
  return parseTcpListen(text.startsWith(":") ? `[::]${text}` : text);
}
