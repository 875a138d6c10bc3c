import { plainText } from "../sandbox/lines.js";

/** How netns.sh begins the line that announces a step, and ends it: bold and green. */
const announcement = { begin: "\u001b[32m\u001b[1m[+] ", end: "\u001b[0m" };

/**
 * The step that a line of netns.sh's output announces: "NS1: ping -c 10 -f -W 1 192.168.241.2". It
 * may stand behind what a command printed without a line end.
 */
export function stepOf(line: string): string | undefined {
  const begin = line.indexOf(announcement.begin);
  if (begin < 0) return undefined;
  const rest = line.slice(begin + announcement.begin.length);
  const end = rest.indexOf(announcement.end);
  return plainText(end < 0 ? rest : rest.slice(0, end));
}
