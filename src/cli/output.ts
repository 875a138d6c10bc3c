import { messageOf, systemCodeOf } from "../errors.js";
import { ignoreLostErrors, say } from "./say.js";

/**
 * Ends this process when its output cannot be written: as wg does by SIGPIPE if the reader has gone, and
 * otherwise with exit code 1 after a sentence, where wg says nothing and exits 0.
 */
export function guardOutput(): void {
  ignoreLostErrors();
  process.stdout.on("error", (error) => {
    if (systemCodeOf(error) === "EPIPE") endByBrokenPipe();
    say(
      `Standard output cannot be written (${messageOf(error)}): what was written there is not complete. Make room, or write elsewhere.`,
    );
    process.exit(1);
  });
}

/** Node.js ignores SIGPIPE from its start: who takes the signal and gives it back has the default again. */
function endByBrokenPipe(): never {
  const take = () => {};
  process.on("SIGPIPE", take);
  process.removeListener("SIGPIPE", take);
  process.kill(process.pid, "SIGPIPE");
  process.exit(128 + 13); // for a caller that has blocked it
}
