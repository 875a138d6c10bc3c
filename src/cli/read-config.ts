import { text } from "node:stream/consumers";
import { readConfigFile } from "../config/file.js";
import { say } from "./say.js";

/** Reads a configuration file, or standard input if its name is "-". Prints warnings to standard error. */
export async function readConfig(file: string): Promise<string> {
  if (file === "-") return text(process.stdin);
  const { text: config, warnings } = await readConfigFile(file);
  for (const warning of warnings) say(`Warning: ${warning}`);
  return config;
}
