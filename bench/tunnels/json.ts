/** The number at a path of keys in what JSON.parse returned. undefined: there is none. */
export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = valueAt(value, path);
  return typeof found === "number" && Number.isFinite(found) ? found : undefined;
}

/** The text at such a path. undefined: there is none. */
export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = valueAt(value, path);
  return typeof found === "string" ? found : undefined;
}

/** The array at such a path, each of its values as text. Empty: there is none. */
export function textsAt(value: unknown, ...path: readonly string[]): string[] {
  const found = valueAt(value, path);
  return Array.isArray(found) ? found.map(String) : [];
}

/** The keys and values of the object at such a path. Empty: there is none. */
export function entriesAt(
  value: unknown,
  ...path: readonly string[]
): [key: string, value: unknown][] {
  const found = valueAt(value, path);
  return typeof found === "object" && found !== null ? Object.entries(found) : [];
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = Object.entries(found).find(([name]) => name === key)?.[1];
  }
  return found;
}
