import { interfaceFields, peerFields } from "./fields.js";
import { type Line, type LineContent, plainName, readContent } from "./lines.js";

// wg(8) ignores comments, but people and programs use them to mark sections. These rules decide which
// comments belong to a section:
// - A comment right above a header belongs to its section.
// - A section that is commented out is a section of its own.
// - "end NAME" after a section is its last line, if there is a "begin NAME" above.
// - A comment that follows a section after a blank line belongs to no section.
// Tested with the files of PiVPN, wireguard-install (Nyr's and angristan's), wg-easy, wireguard-ui and algo.

/** The lines of a section in a file, from start up to but without end. */
export interface Section {
  readonly name: string;
  /** The first of the comments right above its header. */
  readonly start: number;
  readonly header: number;
  /** After its last field and the comments that belong to it. */
  readonly end: number;
  /** Where the next section begins, even if that is commented out. */
  readonly next: number;
}

/** A section whose comments are not assigned yet. */
interface Mark {
  readonly name: string;
  readonly header: number;
  /** After the last field. */
  readonly fieldsEnd: number;
  readonly commented: boolean;
}

/** Finds the sections of a file, without those that are commented out. */
export function sectionsOf(lines: readonly Line[]): readonly Section[] {
  const ends = endMarkers(lines);
  const marks = marksOf(lines);
  const starts = marks.map((mark, order) =>
    startOf(lines, mark, marks[order - 1]?.fieldsEnd ?? 0, ends),
  );
  return marks.flatMap(({ name, header, fieldsEnd, commented }, order) => {
    if (commented) return [];
    const start = starts[order] ?? header;
    const next = starts[order + 1] ?? lines.length;
    return [{ name, start, header, end: endOf(lines, fieldsEnd, next, ends), next }];
  });
}

function marksOf(lines: readonly Line[]): readonly Mark[] {
  const headers = lines.flatMap(({ content }, at) => (content.kind === "section" ? [at] : []));
  const before = commentedMarks(lines, 0, headers[0] ?? lines.length);
  const rest = headers.flatMap((header, order) => {
    const { content } = lines[header] ?? {};
    if (content?.kind !== "section") return [];
    const next = headers[order + 1] ?? lines.length;
    const fieldsEnd = afterLastField(lines, header, next);
    const mark = { name: plainName(content.name), header, fieldsEnd, commented: false };
    return [mark, ...commentedMarks(lines, fieldsEnd, next)];
  });
  return [...before, ...rest];
}

/** Finds the sections that are commented out among lines without other sections. */
function commentedMarks(lines: readonly Line[], from: number, to: number): readonly Mark[] {
  const found: Mark[] = [];
  for (let header = from; header < to; header++) {
    const content = uncommented(lines[header]);
    if (content?.kind !== "section" || !isSectionName(content.name)) continue;
    let fieldsEnd = header + 1;
    while (fieldsEnd < to && isCommentedField(lines[fieldsEnd])) fieldsEnd++;
    found.push({ name: plainName(content.name), header, fieldsEnd, commented: true });
  }
  return found;
}

function isSectionName(name: string): boolean {
  return ["interface", "peer"].includes(plainName(name));
}

/** Returns the text of a comment, without its "#" and the tag with which PiVPN disables a line. */
export function commentText(line: Line | undefined): string | undefined {
  return /^[\t-\r ]*#[#\t-\r ]*(?:\[disabled\][#\t-\r ]*)?(.*)$/i.exec(line?.text ?? "")?.[1];
}

/** Returns what a line would say if it were not a comment. */
function uncommented(line: Line | undefined): LineContent | undefined {
  const text = commentText(line);
  return text === undefined ? undefined : readContent(text);
}

const fieldNames = new Set([...interfaceFields, ...peerFields].map(({ name }) => plainName(name)));

function isCommentedField(line: Line | undefined): boolean {
  const content = uncommented(line);
  return content?.kind === "field" && fieldNames.has(plainName(content.key));
}

/** Finds the lines "end NAME" that have a "begin NAME" above, in any spelling, such as "END_PEER ann". */
function endMarkers(lines: readonly Line[]): ReadonlySet<number> {
  const begun = new Set<string>();
  const ends = new Set<number>();
  for (const [index, line] of lines.entries()) {
    const [, word, name] = /^(begin|end)(?![a-z])(.*)$/i.exec(commentText(line) ?? "") ?? [];
    if (word === undefined || name === undefined) continue;
    if (word.toLowerCase() === "begin") begun.add(name.trim());
    else if (begun.has(name.trim())) ends.add(index);
  }
  return ends;
}

/** Returns where the comments right above a header begin, but at least `from`. */
function startOf(
  lines: readonly Line[],
  { header, commented }: Mark,
  from: number,
  ends: ReadonlySet<number>,
): number {
  let start = header;
  while (start > from && isAbove(lines[start - 1]) && !ends.has(start - 1)) start--;
  return start;

  // A field that is commented out belongs to the section above it.
  function isAbove(line: Line | undefined): boolean {
    return commentText(line) !== undefined && (commented || !isCommentedField(line));
  }
}

/** Returns where a section ends: after its end marker, or after the comments that follow it directly. */
function endOf(
  lines: readonly Line[],
  fieldsEnd: number,
  next: number,
  ends: ReadonlySet<number>,
): number {
  for (let index = fieldsEnd; index < next; index++) if (ends.has(index)) return index + 1;
  let end = fieldsEnd;
  while (end < next && commentText(lines[end]) !== undefined) end++;
  return end;
}

/** Returns the index after the last field of the section with this header, or after its header. */
export function afterLastField(lines: readonly Line[], header: number, end: number): number {
  let at = end;
  while (at - 1 > header && lines[at - 1]?.content.kind !== "field") at--;
  return at;
}
