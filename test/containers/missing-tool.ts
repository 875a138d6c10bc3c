import { existsSync } from "node:fs";

const directories = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];

/** Returns the mark of a test's title that skips it if a program is not installed; otherwise "". */
export function missingTool(name: string): string {
  if (directories.some((directory) => existsSync(`${directory}/${name}`))) return "";
  return ` [skipped: ${name} is not installed: run scripts/test-tools]`;
}
