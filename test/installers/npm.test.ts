import { onlyInSandbox } from "../sandbox.js";
import { newerNpm, npm } from "./installer.js";
import { installs } from "./suite.js";

onlyInSandbox();
for (const each of [npm, newerNpm]) installs(each);
