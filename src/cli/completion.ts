import { bashScript } from "./completion/bash.js";
import { fishScript } from "./completion/fish.js";
import { zshScript } from "./completion/zsh.js";
import { readWords, wordsError } from "./words.js";

/** `wg-bridge completion bash|zsh|fish`: the shell's script, made from the table of verbs. */
export async function completionCommand(args: readonly string[]): Promise<number> {
  const [shell, ...rest] = readWords("completion", args, {}).positionals;
  const script = shell === undefined ? undefined : scripts.get(shell);
  if (script === undefined || rest.length > 0) {
    throw wordsError("completion", "It takes a shell's name: bash, zsh or fish");
  }
  process.stdout.write(script());
  return 0;
}

const scripts: ReadonlyMap<string, () => string> = new Map([
  ["bash", bashScript],
  ["zsh", zshScript],
  ["fish", fishScript],
]);
