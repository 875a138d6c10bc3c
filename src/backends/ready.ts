/**
 * The interface's real name in a status line that says that UAPI answers, "ready NAME"; undefined for
 * any other line, which tells why there is no tunnel, or why it ended.
 */
export function readyName(line: string | undefined): string | undefined {
  return /^ready (.+)$/.exec(line ?? "")?.[1];
}
