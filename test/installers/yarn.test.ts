import { onlyInSandbox } from "../sandbox.js";
import { yarn1, yarnModules, yarnPnp } from "./installer.js";
import { installs } from "./suite.js";

onlyInSandbox();
for (const each of [yarn1, yarnModules, yarnPnp]) installs(each);
