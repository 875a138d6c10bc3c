// Runs inside a sandbox, which has no network: node publish.js. Publishes each package, but for the last step.
import { execFileSync } from "node:child_process";
import { publishedPackages, tarballOf } from "./published.js";

// Nobody listens there: npm asks it for nothing that it must have.
const registry = ["--registry=http://127.0.0.1:9/", "--fetch-retries=0"];
for (const name of publishedPackages()) {
  execFileSync("npm", ["publish", "--dry-run", ...registry, tarballOf(name)], { stdio: "inherit" });
}
