/** A piece of HTML or SVG. Made by `markup` alone, so that everything in it has been escaped. */
export class Markup {
  readonly text: string;

  constructor(strings: TemplateStringsArray, values: readonly MarkupValue[]) {
    this.text = strings.reduce((text, part, index) => text + write(values[index - 1]) + part);
  }
}

/** What can be inserted into a piece of markup. Strings are escaped. */
export type MarkupValue = string | number | Markup | readonly Markup[];

/** Template tag: HTML or SVG whose inserted strings are escaped, for text and quoted attributes. */
export function markup(strings: TemplateStringsArray, ...values: readonly MarkupValue[]): Markup {
  return new Markup(strings, values);
}

const entities = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
  ["'", "&#39;"],
]);

function write(value: MarkupValue | undefined): string {
  if (value === undefined) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "number") return String(value);
  if (typeof value === "string") {
    return value.replace(/[&<>"']/g, (character) => entities.get(character) ?? "");
  }
  return value.map((piece) => piece.text).join("");
}
