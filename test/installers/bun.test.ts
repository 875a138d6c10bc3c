import { onlyInSandbox } from "../sandbox.js";
import { bun } from "./installer.js";
import { fromOther, installs, repairs, withoutOptional } from "./suite.js";

// --cpu does not know riscv64.
const other = process.arch === "arm64" ? "x64" : "arm64";

onlyInSandbox();
installs(bun);
repairs(bun, [
  {
    title: "without optional packages",
    add: ["add", "--omit=optional", "wg-bridge"],
    reason: withoutOptional,
    cure: ["install"],
  },
  {
    title: "for another machine",
    add: ["add", "--os=linux", `--cpu=${other}`, "wg-bridge"],
    reason: fromOther(other),
    cure: ["install"],
  },
]);
