#!/usr/bin/env node
import { nodeVersionProblem } from "../node-version.js";
import "../standard-error.js";

// Nothing else is imported before Node.js is known to be new enough. See node-version.ts for the syntax of these files.
const problem = nodeVersionProblem(process.versions.node);
if (problem === undefined) {
  void import("./command-line.js").then(({ runCommandLine }) =>
    runCommandLine(process.argv.slice(2)),
  );
} else {
  process.stderr.write(`wg-bridge: ${problem}\n`);
  process.exitCode = 1;
}
