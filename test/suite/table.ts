/**
 * Pads cells so that columns align, and joins each row into a line.
 * @param alignment of all columns but the first, whose text starts at the left
 */
export function alignColumns(
  rows: readonly (readonly string[])[],
  alignment: "left" | "right" = "left",
): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0)),
  );
  return rows.map((cells) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column > 0 && alignment === "right" ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
}
