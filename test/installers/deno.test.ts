import { onlyInSandbox } from "../sandbox.js";
import { deno } from "./installer.js";
import { fromOther, installs, repairs } from "./suite.js";

// --arch does not know riscv64.
const other = process.arch === "arm64" ? "x64" : "arm64";

onlyInSandbox();
installs(deno);
repairs(deno, [
  {
    title: "for another machine",
    add: ["install", "--os=linux", `--arch=${other}`, "npm:wg-bridge"],
    reason: fromOther(other),
    cure: ["install"],
  },
]);
