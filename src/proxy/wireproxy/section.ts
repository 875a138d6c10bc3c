import { plainName } from "../../config/lines.js";
import { TextProblem } from "../text-problem.js";
import type { IniContent, IniField } from "./ini.js";
import type { Notes } from "./notes.js";
import { type FieldName, fieldsOf, type SectionKind, titleOf } from "./sections.js";
import { expand } from "./variables.js";

/** wireproxy reads these without "$VARIABLE". */
const plainFields: ReadonlySet<FieldName> = new Set([
  "ListenPort",
  "InactivityTimeout",
  "LogDomains",
]);

/** A value of a section's field. */
export interface Found {
  readonly value: string;
  readonly line: number;
  readonly at: number;
  /** Whether an environment variable contains it, so that no part of it has a place in the file. */
  readonly isVariable: boolean;
}

/** A section that opens something, while its lines are read. It reports what is wrong with them. */
export class Section {
  readonly kind: SectionKind;
  /** Of its header. */
  readonly line: number;
  readonly at: number;
  readonly #notes: Notes;
  readonly #env: NodeJS.ProcessEnv;
  readonly #fields = new Map<FieldName, Found>();
  /** The fields with a mistake, so that they do not count as missing. */
  readonly #broken = new Set<FieldName>();
  #hasTunnelDomains = false;

  constructor(notes: Notes, env: NodeJS.ProcessEnv, kind: SectionKind, line: number, at: number) {
    this.kind = kind;
    this.line = line;
    this.at = at;
    this.#notes = notes;
    this.#env = env;
  }

  /** What messages call it. */
  get label(): string {
    return `[${titleOf(this.kind)}] in line ${this.line}`;
  }

  /** Adds a line that is not a header. */
  add(line: number, content: IniContent): void {
    if (content.kind === "field") {
      this.#addField(line, content);
    } else if (content.kind !== "blank") {
      const problem = "this is neither a section nor a field";
      this.#notes.report(line, content.at, problem, "Key = Value");
    }
  }

  #addField(line: number, field: IniField): void {
    const names = fieldsOf(this.kind);
    const name = names.find((one) => plainName(one) === plainName(field.key));
    if (name === undefined) {
      // A line that is only a password or a key may look like a field as well.
      const named = /^[A-Za-z]{1,20}$/.test(field.key) ? ` ${field.key}` : "";
      const problem = `there is no field${named} in [${titleOf(this.kind)}]`;
      this.#notes.report(line, field.at, problem, names.join(", "));
    } else if (name === "TunnelDomains") {
      this.#warnOfDomains(line);
    } else if (this.#fields.has(name) || this.#broken.has(name)) {
      const problem = `${name} is in this section already`;
      this.#notes.report(line, field.at, problem, `one ${name} in each section`);
    } else {
      this.#setField(name, line, field);
    }
  }

  #setField(name: FieldName, line: number, { value, valueAt: at, wrong }: IniField): void {
    const isPlain = plainFields.has(name);
    const expanded = wrong ?? (isPlain ? { value, isVariable: false } : expand(value, this.#env));
    if ("problem" in expanded) {
      this.#broken.add(name);
      this.#notes.report(line, at, expanded.problem, expanded.expected);
    } else {
      this.#fields.set(name, { ...expanded, line, at });
    }
  }

  /** TunnelDomains may be in a section many times. */
  #warnOfDomains(line: number): void {
    if (this.#hasTunnelDomains) return;
    this.#hasTunnelDomains = true;
    const text =
      "TunnelDomains is not supported: every connection goes through the tunnel, and none around it";
    this.#notes.warn(text, line);
  }

  /** Returns a field that may be absent; "broken" if it is there and its value cannot be read. */
  get(name: FieldName): Found | "broken" | undefined {
    return this.#broken.has(name) ? "broken" : this.#fields.get(name);
  }

  /** Reads a field with a function that throws TextProblem. Returns undefined after a mistake. */
  read<T>(
    name: FieldName,
    parse: (text: string) => T,
  ): { readonly found: Found; readonly value: T } | undefined {
    const found = this.get(name);
    if (found === "broken") return undefined;
    if (found === undefined) {
      const problem = `this [${titleOf(this.kind)}] has no ${name}`;
      this.#notes.report(this.line, this.at, problem, `a ${name} field`);
      return undefined;
    }
    try {
      return { found, value: parse(found.value) };
    } catch (error) {
      if (!(error instanceof TextProblem)) throw error;
      const at = found.at + (found.isVariable ? 0 : error.at);
      const problem = `the value of ${name} cannot be read: ${error.problem}`;
      this.#notes.report(found.line, at, problem, error.expected);
      return undefined;
    }
  }
}
