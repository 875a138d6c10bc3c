/** Returns why a version cannot be released by its changelog. undefined: it has an entry with a date. */
export function changelogObstacle(changelog: string, version: string): string | undefined {
  const [, newest, date] = /^## \[(.+?)\] - (.+)$/m.exec(changelog) ?? [];
  if (newest !== version) {
    return `The newest entry of CHANGELOG.md is ${newest ?? "missing"}, and package.json says ${version}.`;
  }
  if (date !== undefined && isDay(date)) return undefined;
  return `CHANGELOG.md calls ${version} "${date}". A release has its date there: see "Release" in CONTRIBUTING.md.`;
}

/** Returns why the manual page cannot be released beside this changelog. undefined: both have the same date. */
export function manualObstacle(manual: string, changelog: string): string | undefined {
  const [, released] = /^## \[.+?\] - (.+)$/m.exec(changelog) ?? [];
  const [, date = ""] = /^\.TH \S+ 1 (\S+) /m.exec(manual) ?? [];
  const written = date.replaceAll("\\-", "-");
  if (written === released) return undefined;
  return `man/wg-bridge.1 is of ${written}, and the entry of CHANGELOG.md of ${released}.`;
}

function isDay(text: string): boolean {
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(`${text}T`);
}
