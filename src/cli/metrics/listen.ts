/** Where prometheus_wireguard_exporter listens too, but for this machine alone. */
const defaultListen = "127.0.0.1:9586";

/**
 * Gives --listen its value: an address may follow it as a word of its own, or nothing does. No
 * interface's name has a colon.
 */
export function joinListen(args: readonly string[]): string[] {
  const [first, second, ...rest] = args;
  if (first === undefined || first === "--") return [...args];
  if (first !== "--listen") return [first, ...joinListen(args.slice(1))];
  return second?.includes(":")
    ? [`--listen=${second}`, ...joinListen(rest)]
    : [`--listen=${defaultListen}`, ...joinListen(args.slice(1))];
}
