import type { Line } from "../../config/lines.js";
import {
  canonicalAddress,
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
import type { IniContent } from "./ini.js";
import type { Notes } from "./notes.js";
import { type Found, Section } from "./section.js";
import type { SectionKind } from "./sections.js";

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

/** Where a mistake of a claim is reported. */
type Place = Pick<Found, "line" | "at">;

/** Reads the sections that open something. */
export class ListenersReader {
  readonly #notes: Notes;
  readonly #reading: ListenersReading;
  readonly #socks5: FileListener[] = [];
  readonly #http: FileListener[] = [];
  readonly #forward: Forward[] = [];
  readonly #expose: Expose[] = [];
  readonly #claims = new Map<Claim, Place>();
  #stdio: { readonly target: HostPort; readonly line: number } | undefined;
  #section: Section | undefined;

  constructor(notes: Notes, reading: ListenersReading) {
    this.#notes = notes;
    this.#reading = reading;
  }

  /** Begins a section, whose header is at an index of a line. */
  begin(line: number, at: number, kind: SectionKind): void {
    this.#endSection();
    this.#section = new Section(this.#notes, this.#reading.env, kind, line, at);
  }

  /** Adds a line of the section that begin has begun. */
  add(line: Line, content: IniContent): void {
    this.#section?.add(line.number, content);
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
        this.#endForward(section, "tcp");
        return;
      case "udpproxytunnel":
        this.#checkTimeout(section.get("InactivityTimeout"));
        this.#endForward(section, "udp");
        return;
      case "tcpservertunnel":
        this.#endExpose(section);
        return;
      case "stdiotunnel":
        this.#endStdio(section);
    }
  }

  #endProxy(section: Section, kind: "socks5" | "http"): void {
    const { label } = section;
    const users = this.#usersOf(section);
    const bind = section.read("BindAddress", parseBind);
    this.#warnOfLog(section.get("LogDomains"));
    if (bind === undefined) return;
    const { found, value: listen } = bind;
    if (kind === "http") this.#checkTls(section, listen);
    const list = kind === "socks5" ? this.#socks5 : this.#http;
    list.push({ listen, ...(users && { users }) });
    const hasUsers = users !== undefined || this.#reading.hasUsers;
    this.#claims.set({ label, kind, listen, hasUsers }, found);
  }

  #warnOfLog(found: Found | "broken" | undefined): void {
    if (found === undefined || found === "broken") return;
    if (/^(?:0|f|n|no|false|off)$/i.test(found.value)) return;
    const text = "LogDomains is not supported: the log names targets at the level verbose";
    this.#notes.warn(text, found.line);
  }

  /** Returns the users of a section; none after a mistake; undefined if it names none. */
  #usersOf(section: Section): readonly ProxyUser[] | undefined {
    const [user, password] = [section.get("Username"), section.get("Password")];
    if (user === "broken" || password === "broken") return [];
    if ((user?.value ?? "") === "" && (password?.value ?? "") === "") return undefined;
    if (user !== undefined && password !== undefined) return this.#oneUser(user, password);
    const { line, at } = user ?? password ?? section;
    const [has, lacks] = user === undefined ? ["Password", "Username"] : ["Username", "Password"];
    this.#notes.report(line, at, `there is a ${has} and no ${lacks}`, `a ${lacks} as well`);
    return [];
  }

  #oneUser(user: Found, password: Found): readonly ProxyUser[] {
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

  /** wireproxy speaks TLS only if it has both files. */
  #checkTls(section: Section, listen: ListenAddress): void {
    const [found, key] = [section.get("CertFile"), section.get("KeyFile")];
    if (found === undefined || found === "broken" || found.value === "") return;
    if (key === undefined || key === "broken" || key.value === "") return;
    const problem = "an HTTP proxy over TLS is not supported";
    if (isLocal(listen)) {
      const text = `${problem}: this one speaks plain HTTP, so give clients an address that begins with http://`;
      this.#notes.warn(text, found.line);
    } else {
      const danger = `${problem}, and without it passwords would cross the network in the clear`;
      const expected = "a loopback address, or no CertFile and KeyFile";
      this.#notes.report(found.line, found.at, danger, expected);
    }
  }

  #endForward(section: Section, protocol: "tcp" | "udp"): void {
    const bind = section.read("BindAddress", parseBind);
    const target = section.read("Target", parseTarget);
    if (bind === undefined || target === undefined) return;
    const { label } = section;
    const { found, value: listen } = bind;
    this.#forward.push({ protocol, listen, target: target.value });
    this.#claims.set({ label, kind: "forward", protocol, listen }, found);
  }

  #checkTimeout(found: Found | "broken" | undefined): void {
    if (found === undefined || found === "broken") return;
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
    const port = section.read("ListenPort", (text) => parsePort(text, 1));
    const target = section.read("Target", parseLocalTarget);
    if (port === undefined || target === undefined) return;
    const { label } = section;
    this.#expose.push({ protocol: "tcp", port: port.value, target: target.value });
    const claim: Claim = { label, kind: "expose", protocol: "tcp", port: port.value };
    this.#claims.set(claim, port.found);
    if (isSocketPath(target.value)) return;
    const { host } = target.value;
    if (host === "localhost" || canonicalAddress(host) !== undefined) return;
    const text = `this machine looks up ${host}, and wireproxy asks the tunnel's DNS for it`;
    this.#notes.warn(text, target.found.line);
  }

  #endStdio(section: Section): void {
    const target = section.read("Target", parseTarget);
    if (target === undefined) return;
    const { line, at } = section;
    if (this.#stdio === undefined) {
      this.#stdio = { target: target.value, line };
      return;
    }
    const problem = `the [STDIOTunnel] in line ${this.#stdio.line} has standard input already`;
    this.#notes.report(line, at, problem, "one [STDIOTunnel]");
  }

  /** Ends the last section, and returns what all of them open. */
  end(): Listeners & { readonly stdio?: HostPort } {
    this.#endSection();
    const claims = [...this.#claims.keys()];
    for (const { claim, kind, problem } of findConflicts(claims, this.#reading.open)) {
      const { line, at } = this.#claims.get(claim) ?? { line: 1, at: 0 };
      this.#notes.report(line, at, problem, remedies[kind]);
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
