import fc from "fast-check";

const inserted = fc.constantFrom(
  ..." \t\r\v[]=#,:/.-+019afxAZ".split(""),
  "\u00a0",
  "\ufeff",
  "\n",
  "off",
);

const changes = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant("insert" as const), fc.nat(), inserted) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("delete" as const), fc.nat(), fc.constant("")) },
  fc.tuple(fc.constant("repeat" as const), fc.nat(), fc.constant("")),
  fc.tuple(fc.constant("drop" as const), fc.nat(), fc.constant("")),
  fc.tuple(fc.constant("swap" as const), fc.nat(), fc.constant("")),
);

/** Returns a text with one to three small mistakes, such as people and editors make. */
export function mutationsOf(text: string): fc.Arbitrary<string> {
  return fc.array(changes, { minLength: 1, maxLength: 3 }).map((list) => list.reduce(mutate, text));
}

function mutate(text: string, [kind, number, piece]: readonly [string, number, string]): string {
  const at = number % (text.length + 1);
  if (kind === "insert") return text.slice(0, at) + piece + text.slice(at);
  if (kind === "delete") return text.slice(0, at) + text.slice(at + 1);
  const lines = text.split("\n");
  const index = number % lines.length;
  const line = lines[index] ?? "";
  if (kind === "repeat") lines.push(line);
  if (kind === "drop") lines.splice(index, 1);
  if (kind === "swap") lines.splice(index, 2, lines[index + 1] ?? "", line);
  return lines.join("\n");
}
