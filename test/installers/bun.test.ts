import { onlyInSandbox } from "../sandbox.js";
import { bun } from "./installer.js";
import { installs } from "./suite.js";

onlyInSandbox();
installs(bun);
