// Node.js reads this file before it is known to be new enough: it imports nothing, and its syntax is that of Node.js 12,
// without ?. and ??.

/**
 * Says why a release of Node.js, as in process.versions.node, cannot run wg-bridge; undefined if it can. Deno and Bun
 * name the release that they are compatible with.
 */
export function nodeVersionProblem(found: string): string | undefined {
  const [major = 0, minor = 0] = found.split(".").map(Number);
  const isSupported = major === 20 ? minor >= 19 : major === 22 ? minor >= 12 : major > 22;
  return isSupported
    ? undefined
    : `wg-bridge needs Node.js 20.19 or newer, or 22.12 or newer, and this is Node.js ${found}. Install the current release, as https://nodejs.org/en/download shows, and run this with it.`;
}
