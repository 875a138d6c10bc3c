import type { verbNames } from "./arguments.js";

/** One verb of the command line, as help, completion and the manual page tell it. */
export interface Verb {
  readonly name: "run" | (typeof verbNames)[number];
  /** What stands after "wg-bridge", one line for each form. */
  readonly usage: readonly string[];
  /** One line, without a full stop. */
  readonly summary: string;
  readonly options: readonly Option[];
  /** What its words are, in their order; the last one may be repeated. */
  readonly words: readonly Word[];
  /** Its own code prints a longer help. */
  readonly ownHelp?: true;
}

/** An option as it is written, and what it does, without a full stop. */
export interface Option {
  /** With a spelling of one letter before it, and with what stands for its value: "-f, --foreground". */
  readonly flag: string;
  readonly effect: string;
  /** What can stand after the equals sign, for completion. */
  readonly values?: readonly string[];
}

/** What a word can be, for completion. */
export type Word =
  | "interface"
  | "shown"
  | "field"
  | "setting"
  | "file"
  | "configuration"
  | "shell"
  | "verb";

const backend: Option = {
  flag: "--backend=auto|ffi|exec",
  effect: "which backend runs the tunnel; WG_BRIDGE_BACKEND says the same",
  values: ["auto", "ffi", "exec"],
};

/** Every verb, in the order in which help shows them. */
export const verbs: readonly Verb[] = [
  {
    name: "run",
    usage: ["[run] [-f|--foreground] [--backend=auto|ffi|exec] INTERFACE"],
    summary: "run a tunnel, as wireguard-go does",
    options: [{ flag: "-f, --foreground", effect: "stay in the foreground" }, backend],
    words: [],
  },
  {
    name: "show",
    usage: [
      "show [INTERFACE|all|interfaces] [FIELD|dump] [--json]",
      "show [INTERFACE] --watch [--json]",
    ],
    summary: "show the state of interfaces, as wg show does",
    options: [
      { flag: "--json", effect: "for programs: see docs/show-json.md" },
      { flag: "--show-keys", effect: "with --json: private and preshared keys too" },
      {
        flag: "--watch",
        effect: "live: endpoints, handshake ages and rates; with --json a line each",
      },
      { flag: "--interval=SECONDS", effect: "with --watch: how often; default 1" },
    ],
    words: ["shown", "field"],
  },
  {
    name: "showconf",
    usage: ["showconf INTERFACE"],
    summary: "print the configuration, as wg showconf does; it holds private keys",
    options: [],
    words: ["interface"],
  },
  {
    name: "set",
    usage: [
      "set INTERFACE [listen-port PORT] [fwmark MARK] [private-key FILE]",
      "set INTERFACE peer KEY [remove] [endpoint HOST:PORT] [allowed-ips [+|-]PREFIX,...]",
      "set INTERFACE peer KEY [preshared-key FILE] [persistent-keepalive SECONDS]",
    ],
    summary: "change an interface, then any number of peers, as wg set does",
    options: [],
    words: ["interface", "setting"],
  },
  {
    name: "setconf",
    usage: ["setconf INTERFACE FILE"],
    summary: "set up an interface anew from a file, as wg setconf does; sessions are dropped",
    options: [],
    words: ["interface", "file"],
  },
  {
    name: "addconf",
    usage: ["addconf INTERFACE FILE"],
    summary: "add to an interface what a file says, as wg addconf does",
    options: [],
    words: ["interface", "file"],
  },
  {
    name: "syncconf",
    usage: ["syncconf INTERFACE FILE"],
    summary: "make an interface what a file says, without dropping live sessions",
    options: [],
    words: ["interface", "file"],
  },
  {
    name: "up",
    usage: ["up [--backend=auto|ffi|exec] FILE|INTERFACE"],
    summary: "run wg-quick up with wg-bridge as its userspace implementation",
    options: [backend],
    words: ["configuration"],
  },
  {
    name: "down",
    usage: ["down FILE|INTERFACE"],
    summary: "run wg-quick down",
    options: [],
    words: ["configuration"],
  },
  {
    name: "save",
    usage: ["save FILE|INTERFACE"],
    summary: "run wg-quick save: write the state of an interface into its file",
    options: [],
    words: ["configuration"],
  },
  {
    name: "strip",
    usage: ["strip FILE|INTERFACE"],
    summary: "run wg-quick strip: print a file without what only wg-quick reads",
    options: [],
    words: ["configuration"],
  },
  {
    name: "genkey",
    usage: ["genkey"],
    summary: "print a new private key",
    options: [],
    words: [],
  },
  {
    name: "genpsk",
    usage: ["genpsk"],
    summary: "print a new preshared key",
    options: [],
    words: [],
  },
  {
    name: "pubkey",
    usage: ["pubkey"],
    summary: "read a private key from standard input and print its public key",
    options: [],
    words: [],
  },
  {
    name: "check",
    usage: ["check [--json] FILE"],
    summary: "find every mistake in a configuration file; - is standard input",
    options: [
      { flag: "--json", effect: "for programs: an array of line, column, fault, expected" },
    ],
    words: ["file"],
  },
  {
    name: "metrics",
    usage: [
      "metrics [--names=FILE]... [INTERFACE...]",
      "metrics --listen [127.0.0.1:9586] [--host=NAME]... [--names=FILE]... [INTERFACE...]",
    ],
    summary: "print metrics for Prometheus, or serve them",
    options: [
      {
        flag: "--listen [ADDRESS:PORT]",
        effect: "serve /metrics over HTTP; at 127.0.0.1:9586 unless told otherwise",
      },
      {
        flag: "--host=NAME",
        effect: "answer who asks by this name, too; an address or localhost always does",
      },
      {
        flag: "--names=FILE",
        effect: 'label peers with the "# friendly_name=NAME" of their sections in FILE',
      },
    ],
    words: ["interface"],
  },
  {
    name: "completion",
    usage: ["completion bash|zsh|fish"],
    summary: "print the completion script for a shell",
    options: [],
    words: ["shell"],
  },
  {
    name: "doctor",
    usage: ["doctor [--json]"],
    summary: "say what this machine allows, and what cures each lack",
    options: [{ flag: "--json", effect: "for programs" }],
    words: [],
    ownHelp: true,
  },
  {
    name: "help",
    usage: ["help [VERB]"],
    summary: "print this, or what a verb takes",
    options: [],
    words: ["verb"],
  },
];

/** The verb of that name. */
export function findVerb(name: string): Verb | undefined {
  return verbs.find((verb) => verb.name === name);
}
