/** Notices that do not concern the packages: the machine has no other network, and what Yarn 4 says of itself. */
const notices = [
  /^warning You don't appear to have an internet connection\./,
  /YN0000: . Done with warnings in /,
  /YN0092: .* ESM support for PnP uses the experimental loader API/,
];

const warning =
  /script|ignored|blocked|disabled|approve|trust|deprecated|warn|unmet|incorrectly met|doesn't provide/i;

/**
 * Returns the lines in which a package manager warns of a package, or speaks of install scripts: that it ran them, did
 * not run them, or wants them to be approved.
 */
export function warningsIn(output: string): string[] {
  return output
    .split("\n")
    .filter((line) => warning.test(line) && !notices.some((notice) => notice.test(line)));
}
