#!/usr/bin/env node
import { messageOf, systemCodeOf } from "../errors.js";
import { parseCommandLine } from "./arguments.js";
import { commands } from "./commands.js";
import { ignoreLostErrors, say } from "./say.js";

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(messageOf(error));
  process.exitCode = 1;
}

/** Runs one command, loads the code of no other, and returns its exit code. */
async function main(args: readonly string[]): Promise<number> {
  const request = parseCommandLine(args);
  if (request.command === "run") {
    const run = await commands.run.load();
    return run(request, process.env);
  }
  guardOutput();
  if (request.command === "version" || request.command === "usage") {
    const { usageText, versionText } = await import("./help.js");
    process.stdout.write(request.command === "version" ? versionText() : usageText());
    return 0;
  }
  const command = await commands[request.command].load();
  return command(request.args, process.env);
}

/**
 * Ends this process if its output cannot be written: if the reader has gone, by SIGPIPE, as wg ends, and
 * otherwise with exit code 1 after a sentence, where wg exits 0 without a word.
 */
function guardOutput(): void {
  ignoreLostErrors();
  process.stdout.on("error", (error) => {
    if (systemCodeOf(error) === "EPIPE") endByBrokenPipe();
    say(
      `Standard output cannot be written (${messageOf(error)}): what was written there is not complete. Make room, or write elsewhere.`,
    );
    process.exit(1);
  });
}

/** Node.js ignores SIGPIPE from its start. Adding and removing a listener restores the default action. */
function endByBrokenPipe(): never {
  const listener = () => {};
  process.on("SIGPIPE", listener);
  process.removeListener("SIGPIPE", listener);
  process.kill(process.pid, "SIGPIPE");
  process.exit(128 + 13); // if the caller has blocked it
}
