import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { commandList } from "../../src/cli/commands.js";
import { choices, firstWords, optionsOf } from "../../src/cli/completion/choices.js";
import { settingWords } from "../../src/cli/set.js";
import { encodeStatus } from "../../src/uapi/encode.js";
import { onlyInSandbox } from "../sandbox.js";
import { FakeServer } from "../uapi/fake-server.js";
import { bridge, describeWith, runBridge } from "./programs.js";

/** A directory that holds bin/wg-bridge and files to complete. */
let directory = "";
before(() => {
  directory = mkdtempSync(`${tmpdir()}/wg-bridge-completion-`);
  mkdirSync(`${directory}/bin`);
  symlinkSync(bridge, `${directory}/bin/wg-bridge`);
  writeFileSync(`${directory}/wg7.conf`, "");
});
after(() => rmSync(directory, { recursive: true }));

/** Runs a shell with the arguments that `args` makes from the path of the completion's script; returns its lines. */
function inShell(shell: string, args: (script: string) => readonly string[]): readonly string[] {
  const script = `${directory}/completion.${shell}`;
  if (!existsSync(script)) writeFileSync(script, runBridge(["completion", shell]).stdout);
  const { stdout, stderr, status } = spawnSync(shell, args(script), {
    cwd: directory,
    env: { ...process.env, PATH: `${directory}/bin:${process.env.PATH}` },
    encoding: "utf8",
  });
  assert.equal(stderr, "");
  assert.equal(status, 0);
  return stdout.split("\n").filter((line) => line !== "");
}

type Complete = (line: string) => readonly string[];

/** The words that every shell must offer for a line. */
const cases: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["wg-bridge sy", ["syncconf"]],
  ["wg-bridge show --js", ["--json"]],
  ["wg-bridge show wgc", ["wgc0"]],
  ["wg-bridge show wgc0 tr", ["transfer"]],
  ["wg-bridge metrics wgc0 wgc", ["wgc0"]],
  ["wg-bridge syncconf wgc", ["wgc0"]],
  ["wg-bridge completion ", ["bash", "fish", "zsh"]],
  ["wg-bridge help comp", ["completion"]],
  ["wg-bridge genkey ", []],
];

function testOfferedWords(complete: Complete): void {
  for (const [line, offered] of cases) {
    it(`offers ${offered.join(", ") || "nothing"} for "${line}"`, async () => {
      await using server = await FakeServer.start("wgc0", encodeStatus({ peers: [], unknown: [] }));
      assert.ok(server);
      assert.deepEqual(complete(line).toSorted(), offered);
    });
  }

  it("offers every command, and the options of each", () => {
    const first = complete("wg-bridge ");
    for (const command of commandList) {
      assert.ok(first.includes(command.name), command.name);
      const offered = complete(`wg-bridge ${command.name} --`).join(" ");
      for (const option of optionsOf(command)) {
        const bare = option.replace(/=.*$/, "");
        if (bare.startsWith("--")) assert.ok(offered.includes(bare), `${command.name} ${option}`);
      }
    }
  });
}

/** Hostile interface names, which a shell must not run or mistake for a pattern or an option. */
const hostile = [
  "$(>pwned)",
  "`>pwned`",
  ";>pwned;",
  "*",
  "-x",
  "a'b",
  'c"d',
  "\x1b[7m",
  "wg@x",
  "j\\k",
];

/** Hostile configuration names; wg-quick accepts the last two. */
const hostileFiles = [
  "$(touch pwned)",
  "`touch pwned`",
  "q r",
  "wg5\nwg6",
  "*",
  "-x",
  "w=g",
  "good",
];

/** Serves interfaces with all these names, and makes these the only files in the sandbox's /etc/wireguard. */
function withHostileNames(): void {
  const servers: FakeServer[] = [];
  before(async () => {
    const answer = encodeStatus({ peers: [], unknown: [] });
    for (const name of [...hostile, "two names"]) {
      servers.push(await FakeServer.start(name, answer));
    }
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", "/etc/wireguard"]);
    for (const name of hostileFiles) writeFileSync(`/etc/wireguard/${name}.conf`, "");
  });
  after(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
    execFileSync("umount", ["/etc/wireguard"]);
  });
}

/**
 * Types a line, tab and return into a shell on a terminal. Returns the arguments that the shell then runs
 * wg-bridge with: the wg-bridge on PATH only records them, unless the completion runs it.
 */
async function typeInto(shell: readonly string[], setUp: string, line: string): Promise<unknown> {
  const bin = `${directory}/recording`;
  const recorded = `${directory}/recorded`;
  const work = `${directory}/work`;
  rmSync(recorded, { force: true });
  mkdirSync(bin, { recursive: true });
  mkdirSync(work, { recursive: true });
  writeFileSync(
    `${bin}/wg-bridge`,
    `#!${process.execPath}
const words = process.argv.slice(2);
if (words.join() === "show,interfaces") await import(${JSON.stringify(bridge)});
else (await import("node:fs")).writeFileSync(${JSON.stringify(recorded)}, JSON.stringify(words));
`,
    { mode: 0o755 },
  );
  const terminal = spawn("script", ["-qec", shell.join(" "), "/dev/null"], {
    cwd: work,
    env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, HOME: directory, TERM: "dumb" },
    stdio: ["pipe", "ignore", "inherit"],
    timeout: 30_000,
  });
  terminal.stdin.write(`${setUp}\nwg-bridge ${line}\t\nexit\n`);
  await once(terminal, "close");
  assert.deepEqual(readdirSync(work), []);
  return JSON.parse(readFileSync(recorded, "utf8"));
}

interface Shell {
  readonly name: string;
  /** The command that starts it on a terminal, and what to type before it reads the completion. */
  readonly interactive: readonly string[];
  readonly setUp?: string;
  /** Quotes a name as the shell does when it offers it. */
  readonly escaped: (name: string) => string;
}

/** The start of a line, and the word that its end is completed to. */
const typed: readonly (readonly [string, string])[] = [
  ["show \\$", "$(>pwned)"],
  ["show \\`", "`>pwned`"],
  ["show wg@", "wg@x"],
  ["up w=", "w=g"],
  ["up \\$", "$"],
];

/** Tests that a shell treats names that others chose as text. */
function testHostileNames(complete: Complete, shell: Shell): void {
  const { name, interactive, setUp = "", escaped } = shell;

  describe("with names that others chose", () => {
    withHostileNames();

    it("offers them, unless they would be options or wg-quick refuses them", () => {
      const names = hostile.filter((name) => !name.startsWith("-"));
      const interfaces = complete("wg-bridge showconf ").toSorted();
      assert.deepEqual(interfaces, names.map(escaped).toSorted());
      // Files in the directory are offered too.
      const files = complete("wg-bridge up ").filter((word) => !existsSync(`${directory}/${word}`));
      assert.deepEqual(files.toSorted(), ["good", "w=g"]);
      assert.ok(!existsSync(`${directory}/pwned`));
    });

    for (const [line, word] of typed) {
      it(`completes "${line}" to ${word} on a terminal, and runs none of it`, async () => {
        const script = `${directory}/completion.${name}`;
        writeFileSync(script, runBridge(["completion", name]).stdout);
        const words = await typeInto(interactive, `${setUp} source ${script}`, line);
        assert.deepEqual(words, [line.split(" ")[0], word]);
      });
    }
  });
}

describe("the completion for bash", () => {
  onlyInSandbox();

  const completeIn =
    (settings: string): Complete =>
    (line) => {
      const call = `source "$1"; ${settings} COMP_LINE=$0 COMP_POINT=\${#0}
        word=\${0##* }; [[ $COMP_WORDBREAKS == *=* ]] && word=\${word##*=}
        _wg_bridge wg-bridge "$word"`;
      const print = `printf '%s\\n' "\${COMPREPLY[@]}"`;
      return inShell("bash", (script) => ["--norc", "-c", `${call}; ${print}`, line, script]);
    };
  const complete = completeIn("");

  testOfferedWords(complete);
  testHostileNames(complete, {
    name: "bash",
    interactive: ["bash", "--norc", "-i"],
    escaped: (name) => execFileSync("bash", ["-c", 'printf %q "$0"', name], { encoding: "utf8" }),
  });

  it("is registered", () => {
    const print = 'source "$0"; complete -p';
    const lines = inShell("bash", (script) => ["--norc", "-c", print, script]);
    assert.deepEqual(lines, ["complete -o default -F _wg_bridge wg-bridge"]);
  });

  it("offers all possible first words, and the options that run a tunnel without a command", () => {
    assert.deepEqual(complete("wg-bridge "), firstWords);
    assert.deepEqual(complete("wg-bridge -f --f"), ["--foreground"]);
  });

  it("completes a value after the equals sign, whether or not bash splits words there", () => {
    assert.deepEqual(complete("wg-bridge up --backend="), ["auto", "ffi", "exec"]);
    assert.deepEqual(complete("wg-bridge --backend=f"), ["ffi"]);
    assert.deepEqual(completeIn("COMP_WORDBREAKS=' ';")("wg-bridge --backend=f"), [
      "--backend=ffi",
    ]);
  });

  it("leaves files to bash", () => {
    assert.deepEqual(complete("wg-bridge check wg7"), []);
    assert.deepEqual(complete("wg-bridge metrics --names="), []);
  });
});

describeWith("fish", "the completion for fish", () => {
  onlyInSandbox();
  const complete: Complete = (line) => {
    const call = "source $argv[1]; complete -C $argv[2]";
    const lines = inShell("fish", (script) => ["--no-config", "-c", call, script, line]);
    // A tab separates each word from its description.
    return lines.map((offered) => offered.split("\t", 1)[0] ?? "");
  };

  testOfferedWords(complete);
  testHostileNames(complete, {
    name: "fish",
    interactive: ["fish", "--no-config", "-i"],
    escaped: (name) => name,
  });

  it("offers values and files", () => {
    const backends = ["--backend=auto", "--backend=exec", "--backend=ffi"];
    assert.deepEqual(complete("wg-bridge up --backend="), backends);
    assert.deepEqual(complete("wg-bridge --backend="), backends);
    assert.deepEqual(complete("wg-bridge check wg7"), ["wg7.conf"]);
    assert.deepEqual(complete("wg-bridge syncconf wgc0 wg7"), ["wg7.conf"]);
    assert.deepEqual(complete("wg-bridge metrics --names=wg7"), ["--names=wg7.conf"]);
  });
});

describeWith("zsh", "the completion for zsh", () => {
  onlyInSandbox();

  /** Stubs that print their arguments, for zsh's builtins, which work only in its line editor. */
  const stubs = `
compdef() { :; }
compadd() { shift; local word; for word; do [[ $word == $PREFIX* ]] && print -r -- $word; done; return 0; }
_describe() { local item; for item in \${(P)2}; do compadd -- \${item%%:*}; done; }
_files() { print -rl -- $PREFIX*(N); }
source $2
words=(\${(s: :)1}); [[ $1 == *' ' ]] && words+=('')
CURRENT=$#words PREFIX=$words[-1]
_wg_bridge
true`;
  const complete: Complete = (line) =>
    inShell("zsh", (script) => ["-f", "-c", stubs, "zsh", line, script]);

  testOfferedWords(complete);
  testHostileNames(complete, {
    name: "zsh",
    interactive: ["zsh", "-f", "-i"],
    setUp: "autoload -Uz compinit; compinit -D -u;",
    escaped: (name) => name,
  });

  it("offers values and files", () => {
    assert.deepEqual(complete("wg-bridge up --backend=f"), ["--backend=ffi"]);
    assert.deepEqual(complete("wg-bridge --v"), ["--version"]);
    assert.deepEqual(complete("wg-bridge check wg7"), ["wg7.conf"]);
    assert.deepEqual(complete("wg-bridge syncconf wgc0 wg7"), ["wg7.conf"]);
  });
});

describe("wg-bridge completion", () => {
  it("knows the words of wg set", () => {
    assert.deepEqual(choices.setting.words.toSorted(), settingWords.toSorted());
  });

  it("is refused for other shells", () => {
    for (const args of [[], ["tcsh"], ["bash", "zsh"]]) {
      const { status, stdout, stderr } = runBridge(["completion", ...args]);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, /bash, zsh or fish: see wg-bridge completion --help\./);
    }
  });
});
