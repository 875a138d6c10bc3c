import { accessSync, constants, statSync } from "node:fs";

/** Whether `path` is a regular file that this user may execute. */
export function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
