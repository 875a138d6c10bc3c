import type { Environment } from "../src/artifacts.js";
import { demoCommand } from "../src/cli/demo.js";
import { printable } from "../src/text/printable.js";
import { benchCommand } from "./command.js";
import { comparison } from "./netns/netns.js";

/** The program that `npm start` shows beside the backends. */
const upstream = ["--also", "upstream=build/upstream/wireguard-go"];

/**
 * Runs `npm start`: the comparison, or `wg-bridge demo` where trying shows that this machine allows no namespaces or no TUN
 * interfaces. Who gives options wants the comparison, and gets its error.
 */
export function start(args: readonly string[], env: Environment): Promise<number> {
  const comparing = [...upstream, ...args];
  return benchCommand(comparison(), comparing, env, args.length === 0 ? showDemo : undefined);

  function showDemo(clause: string): Promise<number> {
    process.stderr.write(
      `npm start runs wg-bridge demo in place of the comparison, because ${printable(clause)}.\n\n`,
    );
    return demoCommand([], env);
  }
}
