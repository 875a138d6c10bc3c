import { readFileSync } from "node:fs";
import { packageRoot } from "../artifacts.js";

/** What `wg-bridge --version` prints: its own version, from package.json, and the platform. */
export function versionText(): string {
  const description: unknown = JSON.parse(readFileSync(`${packageRoot}/package.json`, "utf8"));
  const version = isVersioned(description) ? description.version : "unknown";
  return `wg-bridge v${version}\n\nUserspace WireGuard for ${process.platform}-${process.arch}.\n`;
}

function isVersioned(value: unknown): value is { readonly version: string } {
  return (
    typeof value === "object" &&
    value !== null &&
    "version" in value &&
    typeof value.version === "string"
  );
}
