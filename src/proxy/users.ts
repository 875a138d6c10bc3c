import { TextProblem } from "./text-problem.js";

/** Somebody who may use a proxy. */
export interface ProxyUser {
  /** At least one byte and at most 255, without a colon, a control character or "#" at its start. */
  readonly user: string;
  /** At least one byte and at most 255, without a control character. */
  readonly password: string;
}

/** What SOCKS5 can carry, in bytes. Source: RFC 1929, section 2. */
const maxLength = 255;

/** Throws TextProblem if a user name or password cannot be used with SOCKS5 and HTTP. It repeats neither. */
export function checkUser({ user, password }: ProxyUser): void {
  // In HTTP's credentials the first colon ends the user. Source: RFC 7617, section 2.
  if (user.includes(":")) throw new TextProblem("the user name has a colon", "one without a colon");
  if (user.startsWith("#")) {
    const problem = 'the user name begins with "#", which begins a comment in a file of users';
    throw new TextProblem(problem, "another name");
  }
  checkCredential("user name", user);
  checkCredential("password", password);
}

function checkCredential(what: string, text: string): void {
  const expected = `a ${what} of 1 to ${maxLength} bytes without control characters`;
  if (text === "") throw new TextProblem(`the ${what} is empty`, expected);
  if (/\p{Cc}/u.test(text)) throw new TextProblem(`the ${what} has a control character`, expected);
  const length = Buffer.byteLength(text);
  if (length <= maxLength) return;
  throw new TextProblem(`the ${what} has ${length} bytes`, expected);
}

/** A mistake in a file of users. */
export interface UserFileProblem {
  /** From 1. */
  readonly line: number;
  /** It does not repeat what is in the line. */
  readonly problem: string;
}

/**
 * Reads a file of users: a line USER:PASSWORD for each. The first colon ends the user. Empty lines, and those that
 * begin with "#", are ignored. Returns the first mistake instead, if there is one.
 */
export function parseUsers(text: string): readonly ProxyUser[] | UserFileProblem {
  const users = new Map<string, ProxyUser>();
  for (const [index, written] of text.split("\n").entries()) {
    const entry = written.endsWith("\r") ? written.slice(0, -1) : written;
    if (entry === "" || entry.startsWith("#")) continue;
    const line = index + 1;
    const colon = entry.indexOf(":");
    if (colon === -1) return { line, problem: "there is no colon between a user and a password" };
    const one = { user: entry.slice(0, colon), password: entry.slice(colon + 1) };
    const problem = userProblem(one);
    if (problem !== undefined) return { line, problem };
    if (users.has(one.user)) return { line, problem: "an earlier line has the same user" };
    users.set(one.user, one);
  }
  if (users.size === 0) return { line: 1, problem: "the file names no user" };
  return [...users.values()];
}

function userProblem(user: ProxyUser): string | undefined {
  try {
    checkUser(user);
    return undefined;
  } catch (error) {
    if (error instanceof TextProblem) return error.problem;
    throw error;
  }
}

/** Reads a file that contains one password and nothing else, perhaps with a line break at its end. */
export function parsePassword(text: string): string | UserFileProblem {
  const password = text.replace(/\r?\n$/, "");
  if (password.includes("\n")) return { line: 2, problem: "the file has more than one line" };
  const problem = userProblem({ user: "user", password });
  return problem === undefined ? password : { line: 1, problem };
}

/** Writes users so that parseUsers reads them. */
export function formatUsers(users: readonly ProxyUser[]): string {
  return users.map(({ user, password }) => `${user}:${password}\n`).join("");
}
