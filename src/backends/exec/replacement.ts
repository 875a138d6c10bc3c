import type { Environment } from "../../artifacts.js";
import type { EngineFile } from "../../engine/files.js";
import { notifyPid } from "../service-manager.js";
import { lifelineVariable, statusVariable } from "./descriptors.js";

/** Names the command, a word a line, that says why there is no tunnel. go/foreground/substitute.go runs it. */
const reporterVariable = "WG_PROCESS_REPORTER";

/** Set to 1, has the executable make standard error block its writers again. */
const blockingVariable = "WG_PROCESS_BLOCKING_STDERR";

/** Variables that name descriptors. Node.js hands none on to what replaces it, except the standard ones. */
const descriptorVariables = [statusVariable, "WG_TUN_FD", "WG_UAPI_FD"];

/** What decides whether an executable may replace this process. */
export interface Circumstances {
  /** Whether process.execve exists: in Node.js 22.15, 23.11 and newer. */
  readonly replaceable: boolean;
  /** As in process.versions: other runtimes imitate Node.js. */
  readonly versions: Readonly<Record<string, string | undefined>>;
  /** The options of Node.js itself on the command line, as in process.execArgv. */
  readonly nodeOptions: readonly string[];
  /** Whether a program in Node.js started this one and can send it messages. */
  readonly connected: boolean;
  /** Where the executable comes from. */
  readonly origin: EngineFile["origin"];
  readonly env: Environment;
  /** The command that says why there is no tunnel. Undefined: it is not on the file system. */
  readonly reporter: readonly string[] | undefined;
  /** How much of this process's standard error nobody has read yet, and no pipe has room for. */
  readonly unwritten: number;
}

/** Returns why this process must stay beside the executable. Undefined: nothing needs this process. */
export function reasonToStay(circumstances: Circumstances): string | undefined {
  const { replaceable, versions, nodeOptions, connected, origin, env, reporter, unwritten } =
    circumstances;
  const imitation = ["bun", "deno", "electron"].find((name) => versions[name] !== undefined);
  if (imitation !== undefined) return `This is ${imitation}, and not Node.js.`;
  if (!replaceable) return `Node.js ${versions.node} has no process.execve.`;
  if (origin === "named") return "A named executable may be another program, which needs a parent.";
  if (nodeOptions.length > 0) return `${nodeOptions[0]} is meant for a Node.js that runs on.`;
  if (connected) return "The program that started this one may send it messages.";
  const variable = descriptorVariables.find((name) => env[name]);
  if (variable !== undefined)
    return `Node.js cannot hand on the descriptor that ${variable} names.`;
  if (reporter === undefined) return "The program that reports failures is not on the file system.";
  if (reporter.some((word) => word.includes("\n"))) return "A path holds a line break.";
  if (unwritten > 0) return "What this process has printed is still being written.";
  return undefined;
}

/** Returns the environment of an executable in this process's place. The service manager stays that of both. */
export function replacedEnvironment(
  env: Environment,
  reporter: readonly string[],
  blocking: boolean,
): Environment {
  const { [lifelineVariable]: _lifeline, [notifyPid]: _for, ...rest } = env;
  return {
    ...rest,
    [reporterVariable]: reporter.join("\n"),
    ...(blocking && { [blockingVariable]: "1" }),
  };
}
