import { type Line, readLines, withoutSpace } from "../../config/lines.js";
import { commentText, type Section, sectionsOf } from "../../config/sections.js";
import { WgBridgeError } from "../../errors.js";
import { quote } from "../../text/quote.js";

/** The labels of a peer in metrics, besides those of its interface. */
export type PeerLabels = Readonly<Record<string, string>>;

/**
 * Reads the labels of peers from the comments of a configuration: "# friendly_name = NAME", and
 * "# friendly_json = {…}" with a label for each name, in a [Peer] section or right above it; or else the
 * name in "### begin NAME ###" or "# BEGIN_PEER NAME" above it. Returns them by public key, as it is written.
 * Source: prometheus_wireguard_exporter, which reads only comments in the section.
 * @throws WgBridgeError WG_BRIDGE_CONFIG if a friendly_json is not an object of labels
 */
export function friendlyLabels(text: string): ReadonlyMap<string, PeerLabels> {
  const lines = readLines(text);
  const labels = new Map<string, PeerLabels>();
  let before: string | undefined;
  for (const section of sectionsOf(lines).filter(({ name }) => name === "peer")) {
    const key = keyOf(lines, section);
    const above = labelsIn(lines, section.start, section.header);
    const inside = labelsIn(lines, section.header, section.next);
    // A comment between a section without labels and one with its own labels belongs to the former.
    const isBefore = inside !== undefined && before !== undefined && !labels.has(before);
    if (isBefore && before !== undefined && above !== undefined) labels.set(before, above);
    const own = isBefore ? inside : above || inside ? { ...above, ...inside } : undefined;
    const found = own ?? beginOf(lines, section);
    if (key !== undefined && found !== undefined) labels.set(key, found);
    before = key;
  }
  return labels;
}

function keyOf(lines: readonly Line[], { header, end }: Section): string | undefined {
  let key: string | undefined;
  for (const { content } of lines.slice(header, end)) {
    if (content.kind === "field" && withoutSpace(content.key).toLowerCase() === "publickey") {
      key = withoutSpace(content.value);
    }
  }
  return key;
}

/** Reads the labels in some lines. The last of each kind counts. */
function labelsIn(lines: readonly Line[], from: number, to: number): PeerLabels | undefined {
  let labels: PeerLabels | undefined;
  for (const { text, number } of lines.slice(from, to)) {
    const [, kind, value = ""] = /^\s*#\s*friendly_(name|json)\s*=\s*(.*\S)/i.exec(text) ?? [];
    if (kind === undefined) continue;
    const isName = kind.toLowerCase() === "name";
    labels = { ...labels, ...(isName ? { friendly_name: value } : labelsOfJson(value, number)) };
  }
  return labels;
}

function beginOf(lines: readonly Line[], { start, header }: Section): PeerLabels | undefined {
  for (const line of lines.slice(start, header)) {
    const name = /^begin(?:_peer)?\s+(\S+)/i.exec(commentText(line) ?? "")?.[1];
    if (name !== undefined) return { friendly_name: name };
  }
  return undefined;
}

/** The labels that every peer has, which a comment may not change. */
const reserved: readonly string[] = ["interface", "public_key", "allowed_ips"];

function labelsOfJson(json: string, line: number): PeerLabels {
  const parsed = parseObject(json);
  if (parsed === undefined) {
    throw labelError(line, "its value is not a JSON object on one line");
  }
  // Sorted, so that the same labels are always written alike.
  const pairs = Object.entries(parsed).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const wrong = pairs.find(([name]) => !/^(?!__)[a-z_][a-z0-9_]*$/i.test(name));
  if (wrong !== undefined) throw labelError(line, `${quote(wrong[0])} cannot be a label's name`);
  const double = pairs.find(([name]) => reserved.includes(name));
  if (double !== undefined) throw labelError(line, `every peer has a label ${double[0]} already`);
  return Object.fromEntries(pairs.map(([name, value]) => [name, labelValue(value)]));
}

function parseObject(json: string): object | undefined {
  try {
    const parsed: unknown = JSON.parse(json);
    const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
    return isObject ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function labelValue(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function labelError(line: number, problem: string): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_CONFIG",
    `The friendly_json in line ${line} of the file with names cannot be used: ${problem}. Give it as # friendly_json = {"name": "value"}, with names of letters, digits and underscores.`,
  );
}
