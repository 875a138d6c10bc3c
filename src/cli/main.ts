#!/usr/bin/env node
import { parseArguments, usage } from "./arguments.js";

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`wg-bridge: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

/** Runs one verb and returns its exit code. Only the verb's own code is loaded. */
async function main(args: readonly string[]): Promise<number> {
  const command = parseArguments(args);
  switch (command.verb) {
    case "run": {
      const { run } = await import("./run.js");
      return run(command, process.env);
    }
    case "compare": {
      const { compareCommand } = await import("../compare/command.js");
      return compareCommand([...command.args], process.env);
    }
    case "doctor": {
      const { doctorCommand } = await import("../doctor/command.js");
      return doctorCommand([...command.args], process.env);
    }
    case "version": {
      const { versionText } = await import("./version.js");
      process.stdout.write(versionText());
      return 0;
    }
    case "usage":
      process.stdout.write(usage);
      return 0;
    case "mistake":
      throw new Error(command.message);
  }
}
