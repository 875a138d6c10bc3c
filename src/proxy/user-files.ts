import { open } from "node:fs/promises";
import { messageOf, systemCodeOf, WgBridgeError } from "../errors.js";
import { printable } from "../text/printable.js";
import { quote, shellWord } from "../text/quote.js";
import { redact } from "../text/redact.js";
import type { ListenerOption, ProxyOptions } from "./options.js";
import { type ProxyUser, parsePassword, parseUsers, type UserFileProblem } from "./users.js";

/** What is in the files that the options name. */
export interface UserFiles {
  /** Of --auth; empty without it. */
  readonly users: readonly ProxyUser[];
  /** By the path of the file, as the option has it. */
  readonly passwords: ReadonlyMap<string, string>;
}

/**
 * Reads the files of --auth and of USER:FILE. No message contains a password, or a path that may be one.
 * @throws WgBridgeError WG_BRIDGE_CONFIG if one cannot be read, is not as it must be, or others can read or write it
 */
export async function readUserFiles(
  options: Pick<ProxyOptions, "socks5" | "http" | "auth">,
): Promise<UserFiles> {
  const { auth } = options;
  const users = auth === undefined ? [] : await readUsers(auth);
  const passwords = new Map<string, string>();
  for (const [name, listeners] of [
    ["--socks5", options.socks5],
    ["--http", options.http],
  ] as const) {
    for (const { user } of listeners) {
      if (user === undefined || passwords.has(user.file)) continue;
      passwords.set(user.file, await readPassword(name, user));
    }
  }
  return { users, passwords };
}

async function readUsers(file: string): Promise<readonly ProxyUser[]> {
  const shown = printable(redact(file));
  const text = await readSecretFile(file, "--auth").catch((error: unknown) => {
    if (error instanceof WgBridgeError) throw error;
    throw configError(
      `The file ${shown}, which --auth names, cannot be read (${reasonOf(error)}). Check the path, and run as a user who may read it.`,
    );
  });
  const users = parseUsers(text);
  if ("problem" in users) {
    const expected = "Write a line USER:PASSWORD for each user";
    throw configError(`The file ${shown}, which --auth names: ${located(users)}. ${expected}.`);
  }
  return users;
}

async function readPassword(
  option: string,
  { name, file }: NonNullable<ListenerOption["user"]>,
): Promise<string> {
  const subject = `The file that ${option} names for the user ${quote(name)}`;
  const text = await readSecretFile(file, option).catch((error: unknown) => {
    if (error instanceof WgBridgeError) throw error;
    throw configError(
      `${subject} cannot be read (${systemCodeOf(error) ?? "no reason given"}). After the colon, give the path of a file that contains the password, not the password itself.`,
    );
  });
  const password = parsePassword(text);
  if (typeof password === "string") return password;
  throw configError(
    `${subject}: ${located(password)}. Write the password into it, and nothing else.`,
  );
}

/** Reads a file that others may neither read nor write. */
async function readSecretFile(path: string, option: string): Promise<string> {
  await using file = await open(path);
  const { mode } = await file.stat();
  // On Windows every file has a mode that lets others read it, and lists decide who may.
  const isRegular = (mode & 0o170000) === 0o100000 && process.platform !== "win32";
  if (isRegular && (mode & 0o006) !== 0) {
    const bits = (mode & 0o777).toString(8);
    const shown = printable(shellWord(path));
    throw configError(
      `The file ${shown}, which ${option} names, may be read or written by others (mode ${bits}), and contains passwords: run "chmod 600 ${shown}".`,
    );
  }
  const bytes = await file.readFile();
  try {
    return bytes.toString("utf8");
  } finally {
    bytes.fill(0);
  }
}

function located({ line, problem }: UserFileProblem): string {
  return `in line ${line}, ${problem}`;
}

function reasonOf(error: unknown): string {
  return printable(redact(messageOf(error)));
}

function configError(message: string): WgBridgeError {
  return new WgBridgeError("WG_BRIDGE_CONFIG", message);
}
