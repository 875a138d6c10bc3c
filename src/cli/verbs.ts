/** One verb of the command line, as help, completion and the manual page tell it. */
export interface Verb {
  readonly name: string;
  /** What stands after "wg-bridge", one line for each form. */
  readonly usage: readonly string[];
  /** One line, without a full stop. */
  readonly summary: string;
  readonly options: readonly Option[];
  /** What its words are, for completion. */
  readonly words: "none" | "interface" | "file" | "shell" | "verb";
}

/** An option as it is written, and what it does, without a full stop. */
export interface Option {
  readonly flag: string;
  readonly effect: string;
}

const backend: Option = {
  flag: "--backend=auto|ffi|exec",
  effect: "which backend runs the tunnel; WG_BRIDGE_BACKEND says the same",
};

/** Every verb, in the order in which help shows them. */
export const verbs: readonly Verb[] = [
  {
    name: "run",
    usage: ["[run] [-f|--foreground] [--backend=auto|ffi|exec] INTERFACE"],
    summary: "run a tunnel, as wireguard-go does",
    options: [{ flag: "-f, --foreground", effect: "stay in the foreground" }, backend],
    words: "interface",
  },
  {
    name: "show",
    usage: ["show [INTERFACE|all|interfaces] [FIELD|dump] [--json]", "show [INTERFACE] --watch"],
    summary: "show the state of interfaces, as wg show does",
    options: [
      { flag: "--json", effect: "for programs: see docs/show-json.md" },
      { flag: "--show-keys", effect: "with --json: private and preshared keys too" },
      { flag: "--watch", effect: "live: endpoints, handshake ages and rates" },
      { flag: "--interval=SECONDS", effect: "with --watch: how often; default 1" },
    ],
    words: "interface",
  },
  {
    name: "showconf",
    usage: ["showconf INTERFACE"],
    summary: "print the configuration, as wg showconf does; it holds private keys",
    options: [],
    words: "interface",
  },
  {
    name: "syncconf",
    usage: ["syncconf INTERFACE FILE"],
    summary: "make an interface what a file says, without dropping live sessions",
    options: [],
    words: "interface",
  },
  {
    name: "up",
    usage: ["up [--backend=auto|ffi|exec] FILE|INTERFACE"],
    summary: "run wg-quick up with wg-bridge as its userspace implementation",
    options: [backend],
    words: "file",
  },
  {
    name: "down",
    usage: ["down FILE|INTERFACE"],
    summary: "run wg-quick down",
    options: [],
    words: "file",
  },
  {
    name: "genkey",
    usage: ["genkey"],
    summary: "print a new private key",
    options: [],
    words: "none",
  },
  {
    name: "genpsk",
    usage: ["genpsk"],
    summary: "print a new preshared key",
    options: [],
    words: "none",
  },
  {
    name: "pubkey",
    usage: ["pubkey"],
    summary: "read a private key from standard input and print its public key",
    options: [],
    words: "none",
  },
  {
    name: "check",
    usage: ["check [--json] FILE"],
    summary: "find every mistake in a configuration file; - is standard input",
    options: [
      { flag: "--json", effect: "for programs: an array of line, column, fault, expected" },
    ],
    words: "file",
  },
  {
    name: "metrics",
    usage: ["metrics [INTERFACE...]", "metrics --listen[=127.0.0.1:9586] [INTERFACE...]"],
    summary: "print metrics for Prometheus, or serve them",
    options: [
      { flag: "--listen[=ADDRESS:PORT]", effect: "serve /metrics; 127.0.0.1:9586 if not given" },
    ],
    words: "interface",
  },
  {
    name: "completion",
    usage: ["completion bash|zsh|fish"],
    summary: "print the completion script for a shell",
    options: [],
    words: "shell",
  },
  {
    name: "compare",
    usage: ["compare [--help]"],
    summary: "run upstream's netns.sh on both backends, from a checkout",
    options: [],
    words: "none",
  },
  {
    name: "doctor",
    usage: ["doctor [--json]"],
    summary: "say what this machine allows, and what cures each lack",
    options: [{ flag: "--json", effect: "for programs" }],
    words: "none",
  },
  {
    name: "help",
    usage: ["help [VERB]"],
    summary: "print this, or what a verb takes",
    options: [],
    words: "verb",
  },
];

/** The verb of that name. */
export function findVerb(name: string): Verb | undefined {
  return verbs.find((verb) => verb.name === name);
}
