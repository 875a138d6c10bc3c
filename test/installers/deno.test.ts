import { onlyInSandbox } from "../sandbox.js";
import { deno } from "./installer.js";
import { installs } from "./suite.js";

onlyInSandbox();
installs(deno);
