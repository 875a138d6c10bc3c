import { open, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, WgBridgeError } from "../errors.js";
import { type CallOptions, readCallOptions } from "../input/call-options.js";
import { printableLines } from "../text/printable.js";
import { redact } from "../text/redact.js";

/** The text of a configuration file, and what its owner should know. */
export interface ConfigFile {
  readonly text: string;
  /** Sentences for people; none if all is well. */
  readonly warnings: readonly string[];
}

/**
 * Reads a configuration file. Warns, as wg-quick(8) does, if others may read the file and enter its
 * directory, because it contains private keys.
 * @throws WgBridgeError WG_BRIDGE_CONFIG if it cannot be read; or the signal's reason
 */
export async function readConfigFile(path: string, options?: CallOptions): Promise<ConfigFile> {
  const { signal } = readCallOptions(options);
  try {
    await using file = await open(path);
    const { mode } = await file.stat();
    const bytes = await file.readFile(signal && { signal });
    const text = bytes.toString("utf8");
    bytes.fill(0);
    // On Windows every file has a mode that lets others read it, and lists decide who may.
    const isRegular = (mode & 0o170000) === 0o100000 && process.platform !== "win32";
    const accessible = isRegular && (mode & (await directoryMode(path)) & 0o007) !== 0;
    const warnings = accessible ? [warning(path)] : [];
    return { text, warnings };
  } catch (error) {
    signal?.throwIfAborted();
    throw new WgBridgeError(
      "WG_BRIDGE_CONFIG",
      redact(
        `The configuration ${path} cannot be read (${messageOf(error)}). Check the path, and run as a user who may read it.`,
      ),
      // The cause repeats the path, which may be the text of a configuration, given by mistake.
      redact(path) === path ? { cause: error } : {},
    );
  }
}

/** Returns the mode of the directory that the file itself is in, even if the path is a link elsewhere. */
async function directoryMode(path: string): Promise<number> {
  return (await stat(dirname(await realpath(path)))).mode;
}

function warning(path: string): string {
  const shown = printableLines(path);
  return `${shown} is world accessible, and may contain private keys: run "chmod 600 ${shown}".`;
}
