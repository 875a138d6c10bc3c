#!/usr/bin/env node
import { type Command, parseArguments } from "./arguments.js";
import { say } from "./say.js";

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

/** Runs one verb and returns its exit code. */
async function main(args: readonly string[]): Promise<number> {
  const command = parseArguments(args);
  if (command.verb === "run") {
    const { run } = await import("./run.js");
    return run(command, process.env);
  }
  const { guardOutput } = await import("./output.js");
  guardOutput();
  switch (command.verb) {
    case "version": {
      const { versionText } = await import("./version.js");
      process.stdout.write(versionText());
      return 0;
    }
    case "usage": {
      const { usageText } = await import("./help.js");
      process.stdout.write(usageText());
      return 0;
    }
    case "mistake":
      throw new Error(command.message);
    default:
      return (await load(command.verb))([...command.args], process.env);
  }
}

type Verb = Extract<Command, { readonly args: readonly string[] }>["verb"];
type VerbCommand = (args: string[], env: NodeJS.ProcessEnv) => Promise<number>;

/** Only the verb's own code is loaded. */
async function load(verb: Verb): Promise<VerbCommand> {
  switch (verb) {
    case "show":
      return (await import("./show.js")).showCommand;
    case "showconf":
      return (await import("./showconf.js")).showconfCommand;
    case "syncconf":
      return (await import("./setconf.js")).syncconfCommand;
    case "set":
      return (await import("./set.js")).setCommand;
    case "setconf":
      return (await import("./setconf.js")).setconfCommand;
    case "addconf":
      return (await import("./setconf.js")).addconfCommand;
    case "up":
    case "down":
    case "save":
    case "strip": {
      const { wgQuickCommand } = await import("./wg-quick.js");
      return (args, env) => wgQuickCommand(verb, args, env);
    }
    case "genkey":
      return (await import("./keys.js")).genkeyCommand;
    case "genpsk":
      return (await import("./keys.js")).genpskCommand;
    case "pubkey":
      return (await import("./keys.js")).pubkeyCommand;
    case "check":
      return (await import("./check.js")).checkCommand;
    case "metrics":
      return (await import("./metrics.js")).metricsCommand;
    case "completion":
      return (await import("./completion.js")).completionCommand;
    case "doctor":
      return (await import("../doctor/command.js")).doctorCommand;
    case "help":
      return (await import("./help.js")).helpCommand;
  }
}
