import { argumentError, readArguments } from "./arguments.js";
import { bashScript } from "./completion/bash.js";
import { fishScript } from "./completion/fish.js";
import { zshScript } from "./completion/zsh.js";

/** `wg-bridge completion bash|zsh|fish`: the shell's script, derived from the table of commands. */
export async function completionCommand(args: readonly string[]): Promise<number> {
  const [shell, ...rest] = readArguments("completion", args).positionals;
  const script = shell === undefined ? undefined : scripts.get(shell);
  if (script === undefined || rest.length > 0) {
    throw argumentError("completion", "Give a shell: bash, zsh or fish");
  }
  process.stdout.write(script());
  return 0;
}

const scripts: ReadonlyMap<string, () => string> = new Map([
  ["bash", bashScript],
  ["zsh", zshScript],
  ["fish", fishScript],
]);
