import type { Readable } from "node:stream";

/** Maximum length of a line in characters; the rest of a longer one is dropped. */
export const maxLineLength = 16_384;

/**
 * Reads the lines of UTF-8 text of a pipe from another process or from the library, without their line ends. Resolves
 * when the pipe has ended or broken: its writer is gone either way.
 */
export function readLines(pipe: Readable, onLine: (line: string) => void): Promise<void> {
  let rest = "";
  const append = (text: string) => rest + text.slice(0, maxLineLength - rest.length);
  pipe.setEncoding("utf8");
  return new Promise((resolve) => {
    pipe.on("data", (text: string) => {
      let start = 0;
      for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
        const line = append(text.slice(start, end));
        rest = "";
        onLine(line);
        start = end + 1;
      }
      rest = append(text.slice(start));
    });
    pipe.on("error", () => {}); // "close" follows
    pipe.on("close", () => {
      if (rest !== "") onLine(rest); // a last line without a line end
      resolve();
    });
  });
}
