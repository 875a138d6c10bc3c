import { onlyInSandbox } from "../sandbox.js";
import { pnpm } from "./installer.js";
import { otherMachine } from "./release.js";
import { fromOther, installs, repairs, withoutOptional } from "./suite.js";

onlyInSandbox();
installs(pnpm);
repairs(pnpm, [
  {
    title: "without optional packages",
    add: ["add", "--no-optional", "wg-bridge"],
    reason: withoutOptional,
    cure: ["install"],
  },
  {
    title: "for another machine",
    setting: [
      "pnpm-workspace.yaml",
      `supportedArchitectures:\n  os: [linux]\n  cpu:\n    - ${otherMachine}\n`,
    ],
    add: ["add", "wg-bridge"],
    reason: fromOther(otherMachine),
    cureSetting: "    - current\n",
    cure: ["install"],
  },
]);
