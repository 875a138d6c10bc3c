import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { packageRoot } from "../../src/artifacts.js";
import { commandList } from "../../src/cli/commands.js";
import { commandHelpText, helpText, spellings, usageOf, usageText } from "../../src/cli/help.js";
import { onlyInSandbox } from "../sandbox.js";
import { runBridge } from "./programs.js";

describe("the help", () => {
  onlyInSandbox();

  it("begins with wireguard-go's usage, and its lines have at most 100 characters", () => {
    assert.match(helpText(), /^Usage: wg-bridge \[run\] \[-f\|--foreground\] .* INTERFACE\n/);
    assert.ok(helpText().startsWith(usageText()));
    for (const text of [helpText(), ...commandList.map(commandHelpText)]) {
      for (const line of text.split("\n")) assert.ok(line.length <= 100, line);
    }
  });

  it("lists every command, and each command's help describes its options", () => {
    const { stdout } = runBridge(["--help"]);
    for (const command of commandList) {
      const { name, summary, options, details = "" } = command;
      assert.match(stdout, new RegExp(`^  ${name} +${summary.replace(/\W/g, "\\$&")}$`, "m"));
      const help = runBridge([name, "--help"]);
      assert.deepEqual([help.status, help.stdout], [0, commandHelpText(command)]);
      assert.ok(help.stdout.includes(details));
      for (const [long, option] of Object.entries(options)) {
        const line = help.stdout.split("\n").find((line) => line.endsWith(`  ${option.effect}`));
        assert.ok(line?.startsWith(`  ${spellings(long, option).join(", ")}  `), long);
      }
    }
    const help = runBridge(["help", "doctor"]).stdout;
    for (const word of ["--help", "-h"]) assert.equal(runBridge(["doctor", word]).stdout, help);
  });

  it("is refused for an unknown command", () => {
    for (const words of [["nonsense"], ["show", "up"]]) {
      const { status, stdout, stderr } = runBridge(["help", ...words]);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, /^wg-bridge: [^\n]*: see wg-bridge help --help\.\n$/);
    }
  });

  it("is what the error for an unknown option refers to", () => {
    for (const { name } of commandList) {
      const { status, stdout, stderr } = runBridge([name, "--frobnicate"]);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(
        stderr,
        new RegExp(`'--frobnicate'[^\\n]*: see wg-bridge ${name} --help\\.\\n$`),
      );
    }
  });
});

describe("the manual page", () => {
  const source = readFileSync(`${packageRoot}/man/wg-bridge.1`, "utf8");

  /** Returns the text of roff, without fonts and escapes. */
  function plain(roff: string): string {
    return roff
      .replace(/\\f[A-Z]/g, "")
      .replace(/\\\(dq/g, '"')
      .replace(/\\~/g, " ")
      .replace(/\\-/g, "-");
  }

  /** Returns what a macro prints: `.BR "a b" c` joins its arguments, `.B a b` puts spaces between them. */
  function macroText(line: string): string {
    const [, macro = "", rest = ""] = /^\.([A-Z]+) ?(.*)$/.exec(line) ?? [];
    const words = [...rest.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare);
    return plain(words.join(macro.length === 1 ? " " : ""));
  }

  /** Returns the entries of COMMANDS: a usage and the text below it. */
  const entries = (/^\.SH COMMANDS\n(.*?)^\.SH/ms.exec(source)?.[1] ?? "")
    .split(/^\.T[PQ]\n/m)
    .slice(1)
    .map((entry) => {
      const [usage = "", ...lines] = entry.trimEnd().split("\n");
      const text = lines.map((line) => (line.startsWith(".") ? macroText(line) : plain(line)));
      return { usage: plain(usage), text: text.join(" ") };
    });

  it("has the usage of every command, and no other", () => {
    const usages = commandList.flatMap(usageOf).map((usage) => `wg-bridge ${usage}`);
    assert.deepEqual(
      entries.map(({ usage }) => usage),
      usages,
    );
  });

  it("describes every command and every option of it, and no other option", () => {
    for (const command of commandList) {
      const own = usageOf(command).map((usage) => `wg-bridge ${usage}`);
      const text = entries
        .filter(({ usage }) => own.includes(usage))
        .map(({ text }) => text)
        .join(" ");
      assert.notEqual(text.trim(), "", command.name);
      const described = text.match(/(?<![\w-])--?[a-z][\w-]*/g) ?? [];
      const known = Object.entries(command.options).flatMap(([name, { short }]) => [
        `--${name}`,
        ...(short === undefined ? [] : [`-${short}`]),
      ]);
      assert.deepEqual([...new Set(described)].toSorted(), known.toSorted(), command.name);
    }
  });

  it("is read by man without a warning [skipped: there is no man]", function () {
    const args = ["--warnings", "-l", `${packageRoot}/man/wg-bridge.1`];
    const { stderr, error, status } = spawnSync("man", args, { encoding: "utf8" });
    if (error !== undefined || status === 16) this.skip();
    assert.equal(stderr, "");
    assert.equal(status, 0);
  });
});

describe("wg-bridge itself", () => {
  onlyInSandbox();

  it("loads first only the modules that read its arguments and print an error", () => {
    const loaded = new Set<string>();
    const load = (file: string) => {
      if (loaded.has(file)) return;
      loaded.add(file);
      const source = readFileSync(file, "utf8");
      for (const [, path = ""] of source.matchAll(
        /^(?:import|export) (?:.*? from )?"(\..*?)";$/gm,
      )) {
        load(resolve(dirname(file), path));
      }
    };
    load(`${packageRoot}/dist/src/cli/main.js`);
    // Before the rest come only the check of Node.js's version, and a look at standard error.
    assert.equal(loaded.size, 3);
    load(`${packageRoot}/dist/src/cli/command-line.js`);
    assert.deepEqual(
      [...loaded].map((file) => relative(`${packageRoot}/dist/src`, file)).toSorted(),
      [
        "cli/arguments.js",
        "cli/command-line.js",
        "cli/commands.js",
        "cli/main.js",
        "cli/say.js",
        "errors.js",
        "host.js",
        "node-version.js",
        "recognition.js",
        "standard-error.js",
        "text/edit-distance.js",
        "text/printable.js",
        "text/redact.js",
      ],
    );
  });
});
