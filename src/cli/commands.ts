/**
 * One command of wg-bridge. Dispatch, argument parsing, help and completion are derived from it, and tests
 * check the manual page against it.
 */
export interface Command {
  /** What it does: one line, without a full stop. */
  readonly summary: string;
  /** By their long names. parseArgs reads these very objects. */
  readonly options: Readonly<Record<string, Option>>;
  /** What follows the options, one line for each form. */
  readonly operands: readonly string[];
  /** What the operands are, for completion. The last kind may be repeated. */
  readonly kinds: readonly Kind[];
  /** Whether it works on every system, because it has nothing to do with tunnels. */
  readonly anywhere?: true;
  /** Paragraphs at the end of the command's help. */
  readonly details?: string;
  /** Imports the command's code, and no other command's. */
  readonly load: () => Promise<(args: never, env: NodeJS.ProcessEnv) => Promise<number>>;
}

/** An option, as util.parseArgs knows it, and what it does. */
export interface Option {
  readonly type: "boolean" | "string";
  readonly short?: string;
  readonly multiple?: true;
  /** What follows the name in help: "=SECONDS", or " [ADDRESS:PORT]" if it may be left out. */
  readonly value?: string;
  /** Every value, if they can be listed. Replaces `value`. */
  readonly values?: readonly string[];
  /** What it does: one line, without a full stop. */
  readonly effect: string;
}

/** What an operand can be. */
export type Kind =
  | "interface"
  | "shown"
  | "field"
  | "setting"
  | "file"
  | "configuration"
  | "shell"
  | "command";

const backend = {
  type: "string",
  values: ["auto", "ffi", "exec"],
  effect: "which backend runs the tunnel; WG_BRIDGE_BACKEND does the same",
} as const satisfies Option;

const interval = {
  type: "string",
  value: "=SECONDS",
  effect: "with --watch: how often; default 1",
} as const satisfies Option;

/** Every command, in the order in which help lists them. */
export const commands = {
  run: {
    summary: "run a tunnel, as wireguard-go does",
    options: {
      foreground: { type: "boolean", short: "f", effect: "stay in the foreground" },
      backend,
    },
    operands: ["INTERFACE"],
    kinds: [],
    load: async () => (await import("./run.js")).run,
  },
  show: {
    summary: "show the state of interfaces, as wg show does",
    options: {
      json: { type: "boolean", effect: "for programs: see docs/show-json.md" },
      "show-keys": { type: "boolean", effect: "with --json: private and preshared keys too" },
      watch: {
        type: "boolean",
        effect: "live: endpoints, handshake ages and rates; with --json a line each",
      },
      interval,
    },
    operands: ["[INTERFACE|all|interfaces] [FIELD|dump]"],
    kinds: ["shown", "field"],
    load: async () => (await import("./show.js")).showCommand,
  },
  showconf: {
    summary: "print the configuration, as wg showconf does, with private keys",
    options: {},
    operands: ["INTERFACE"],
    kinds: ["interface"],
    load: async () => (await import("./showconf.js")).showconfCommand,
  },
  set: {
    summary: "change an interface, then any number of peers, as wg set does",
    options: {},
    operands: [
      "INTERFACE [listen-port PORT] [fwmark MARK] [private-key FILE]",
      "INTERFACE peer KEY [remove] [endpoint HOST:PORT] [allowed-ips [+|-]PREFIX,...]",
      "INTERFACE peer KEY [preshared-key FILE] [persistent-keepalive SECONDS]",
    ],
    kinds: ["interface", "setting"],
    load: async () => (await import("./set.js")).setCommand,
  },
  setconf: {
    summary: "replace the configuration of an interface by a file, as wg setconf does",
    options: {},
    operands: ["INTERFACE FILE"],
    kinds: ["interface", "file"],
    load: async () => (await import("./setconf.js")).setconfCommand,
  },
  addconf: {
    summary: "add a file to the configuration of an interface, as wg addconf does",
    options: {},
    operands: ["INTERFACE FILE"],
    kinds: ["interface", "file"],
    load: async () => (await import("./setconf.js")).addconfCommand,
  },
  syncconf: {
    summary: "make an interface match a file, without dropping live sessions",
    options: {},
    operands: ["INTERFACE FILE"],
    kinds: ["interface", "file"],
    load: async () => (await import("./setconf.js")).syncconfCommand,
  },
  up: {
    summary: "run wg-quick up with wg-bridge as its userspace implementation",
    options: { backend },
    operands: ["FILE|INTERFACE"],
    kinds: ["configuration"],
    load: async () => (await import("./wg-quick.js")).upCommand,
  },
  down: {
    summary: "run wg-quick down",
    options: {},
    operands: ["FILE|INTERFACE"],
    kinds: ["configuration"],
    load: async () => (await import("./wg-quick.js")).downCommand,
  },
  save: {
    summary: "run wg-quick save: write the state of an interface into its file",
    options: {},
    operands: ["FILE|INTERFACE"],
    kinds: ["configuration"],
    load: async () => (await import("./wg-quick.js")).saveCommand,
  },
  strip: {
    summary: "run wg-quick strip: print a file without what only wg-quick reads",
    options: {},
    operands: ["FILE|INTERFACE"],
    kinds: ["configuration"],
    load: async () => (await import("./wg-quick.js")).stripCommand,
  },
  proxy: {
    summary: "offer a tunnel to other programs by SOCKS5, HTTP and forwards, without root",
    options: {
      socks5: {
        type: "string",
        multiple: true,
        value: "=[USER:FILE@]ADDRESS",
        effect: "serve SOCKS5; 127.0.0.1:1080 if nothing is asked for",
      },
      http: {
        type: "string",
        multiple: true,
        value: "=[USER:FILE@]ADDRESS",
        effect: "serve HTTP, perhaps at the same address",
      },
      forward: {
        type: "string",
        multiple: true,
        value: "=ADDRESS=HOST:PORT[/udp]",
        effect: "lead from here to one target inside",
      },
      expose: {
        type: "string",
        multiple: true,
        value: "=PORT[/udp]=TARGET",
        effect: "lead from the tunnel to this machine",
      },
      stdio: {
        type: "string",
        value: "=HOST:PORT",
        effect: "join standard input and output to a target, for ssh",
      },
      auth: { type: "string", value: "=FILE", effect: "users, a line USER:PASSWORD each" },
      open: { type: "boolean", effect: "allow addresses that others reach, without users" },
      allow: {
        type: "string",
        multiple: true,
        value: "=PREFIX|NAME",
        effect: "let clients reach only these; *.NAME is what is below it",
      },
      dns: {
        type: "string",
        multiple: true,
        value: "=ADDRESS",
        effect: "ask this name server in the tunnel",
      },
      "host-dns": { type: "boolean", effect: "ask this machine's resolver, which leaks names" },
      metrics: { type: "string", value: "=ADDRESS:PORT", effect: "serve /metrics and /readyz" },
      watch: {
        type: "boolean",
        effect: "live: peers and proxies, with connections and rates",
      },
      interval,
      verbose: { type: "boolean", effect: "log each connection, with its target" },
      backend,
    },
    operands: ["CONFIG"],
    kinds: ["file"],
    details: `An ADDRESS is ADDRESS:PORT, a port on 127.0.0.1, or unix:PATH. CONFIG is a file for wg-quick, or
wireproxy's own. SIGHUP reads all files again, and ends no connection. See docs/proxy.md.
`,
    load: async () => (await import("./proxy.js")).proxyCommand,
  },
  genkey: {
    summary: "print a new private key",
    options: {},
    operands: [""],
    kinds: [],
    anywhere: true,
    load: async () => (await import("./keys.js")).genkeyCommand,
  },
  genpsk: {
    summary: "print a new preshared key",
    options: {},
    operands: [""],
    kinds: [],
    anywhere: true,
    load: async () => (await import("./keys.js")).genpskCommand,
  },
  pubkey: {
    summary: "read a private key from standard input and print its public key",
    options: {},
    operands: [""],
    kinds: [],
    anywhere: true,
    load: async () => (await import("./keys.js")).pubkeyCommand,
  },
  check: {
    summary: "find every mistake in a configuration file; - is standard input",
    options: {
      json: {
        type: "boolean",
        effect: "for programs: an array of objects with line, column, problem and expected",
      },
    },
    operands: ["FILE"],
    kinds: ["file"],
    anywhere: true,
    load: async () => (await import("./check.js")).checkCommand,
  },
  metrics: {
    summary: "print metrics for Prometheus, or serve them",
    options: {
      listen: {
        type: "string",
        value: " [ADDRESS:PORT]",
        effect: "serve /metrics over HTTP; default 127.0.0.1:9586",
      },
      host: {
        type: "string",
        multiple: true,
        value: "=NAME",
        effect: "with --listen: answer requests for this host name too",
      },
      names: {
        type: "string",
        multiple: true,
        value: "=FILE",
        effect: 'label peers with "# friendly_name=NAME" of their sections in FILE',
      },
    },
    operands: ["[INTERFACE...]"],
    kinds: ["interface"],
    load: async () => (await import("./metrics.js")).metricsCommand,
  },
  completion: {
    summary: "print the completion script for a shell",
    options: {},
    operands: ["bash|zsh|fish"],
    kinds: ["shell"],
    anywhere: true,
    load: async () => (await import("./completion.js")).completionCommand,
  },
  doctor: {
    summary: "check what this machine allows, and how to get what is missing",
    options: { json: { type: "boolean", effect: "for programs: one object" } },
    operands: [""],
    kinds: [],
    details: `The object of --json has these fields:
  versions       what wg-bridge runs on
  findings       one for each check: id, title, mark (ok, warn or fail), detail, fixes
  auto           which backend --backend=auto would choose (null: none), and the reason
  canOpenTunnel  whether this user can open a tunnel with at least one backend
The exit status is 0 if canOpenTunnel is true, otherwise 1.
`,
    load: async () => (await import("./doctor.js")).doctorCommand,
  },
  demo: {
    summary: "show that userspace tunnels work here, and how fast; needs no privileges",
    options: { json: { type: "boolean", effect: "for programs: one object" } },
    operands: [""],
    kinds: [],
    details: `On each backend it opens two userspace tunnels over loopback, fetches pages from a web server
behind one of them through the other, and downloads and uploads 64 MiB.

The object of --json has these fields:
  passed    whether a backend can be used here, and all that can passed
  backends  one object for each: backend, and outcome (passed, damaged, unavailable or failed);
            if unavailable or failed, reason; otherwise openSeconds, requests (count, seconds),
            download and upload (bytes, seconds, sha256Equal) and encrypted (sent, received)
The exit status is 0 if passed is true, otherwise 1.
`,
    load: async () => (await import("./demo.js")).demoCommand,
  },
  help: {
    summary: "print this, or the help of a command",
    options: {},
    operands: ["[COMMAND]"],
    kinds: ["command"],
    anywhere: true,
    load: async () => (await import("./help.js")).helpCommand,
  },
} as const satisfies Readonly<Record<string, Command>>;

/** The name of a command. */
export type CommandName = keyof typeof commands;

/** Whether a word is the name of a command. */
export function isCommandName(word: string): word is CommandName {
  return Object.hasOwn(commands, word);
}

/** The commands as a list. */
export const commandList: readonly (Command & { readonly name: string })[] = Object.entries(
  commands,
).map(([name, command]) => ({ name, ...command }));
