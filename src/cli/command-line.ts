import { messageOf, systemCodeOf } from "../errors.js";
import { requireTunnelHost } from "../host.js";
import { parseCommandLine } from "./arguments.js";
import { type Command, commands } from "./commands.js";
import { ignoreLostErrors, say } from "./say.js";

/** Runs what a command line asks for, and sets this process's exit code. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  try {
    process.exitCode = await execute(args);
  } catch (error) {
    say(messageOf(error));
    process.exitCode = 1;
  }
}

/** Runs one command, loads the code of no other, and returns its exit code. */
async function execute(args: readonly string[]): Promise<number> {
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
  const command: Command = commands[request.command];
  if (!command.anywhere) requireTunnelHost();
  const run = await commands[request.command].load();
  return run(request.args, process.env);
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
