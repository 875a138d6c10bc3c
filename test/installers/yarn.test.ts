import { onlyInSandbox } from "../sandbox.js";
import { yarn1, yarnModules, yarnPnp } from "./installer.js";
import { otherMachine } from "./release.js";
import { fromOther, installs, repairs, withoutOptional } from "./suite.js";

onlyInSandbox();
for (const each of [yarn1, yarnModules, yarnPnp]) installs(each);
repairs(yarn1, [
  {
    title: "without optional packages",
    add: ["add", "--ignore-optional", "wg-bridge"],
    reason: withoutOptional,
    // Without --force, it takes the project to be up to date.
    cure: ["install", "--force"],
  },
]);
repairs(yarnModules, [
  {
    title: "for another machine",
    setting: [
      ".yarnrc.yml",
      `supportedArchitectures:\n  os: [linux]\n  cpu:\n    - ${otherMachine}\n`,
    ],
    add: ["add", "wg-bridge"],
    reason: fromOther(otherMachine),
    cureSetting: "    - current\n",
    cure: ["install"],
  },
]);
