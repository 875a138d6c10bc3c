import { readLines } from "../../config/lines.js";

/**
 * The names that a configuration's comments give to its peers: "# friendly_name=NAME" in a [Peer]
 * section, as prometheus_wireguard_exporter reads them. By public key, as it is written.
 */
export function friendlyNames(text: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  let key: string | undefined;
  let name: string | undefined;
  for (const { text: line, content } of readLines(text)) {
    if (content.kind === "section") key = name = undefined;
    if (content.kind === "field" && content.key.toLowerCase() === "publickey") key = content.value;
    name = /^\s*#\s*friendly_name\s*=\s*(.*\S)/i.exec(line)?.[1] ?? name;
    if (key !== undefined && name !== undefined) names.set(key, name);
  }
  return names;
}
