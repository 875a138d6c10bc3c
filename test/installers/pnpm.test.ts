import { onlyInSandbox } from "../sandbox.js";
import { pnpm } from "./installer.js";
import { installs } from "./suite.js";

onlyInSandbox();
installs(pnpm);
