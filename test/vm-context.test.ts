import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { sandboxScript } from "../src/artifacts.js";
import { onlyInSandbox } from "./sandbox.js";

const program = fileURLToPath(new URL("vm-context.js", import.meta.url));

describe("in a vm context, whose Error and Uint8Array differ from those of Node.js's modules,", () => {
  onlyInSandbox();

  it("both backends open tunnels, and errors keep their codes", () => {
    const args = ["node", "--no-warnings", "--experimental-vm-modules", program];
    const printed = execFileSync(sandboxScript, args, { encoding: "utf8", timeout: 60_000 });
    const inEach = `exec true 42 true WG_BRIDGE_CLOSED
ffi true 42 true WG_BRIDGE_CLOSED
true WG_BRIDGE_EXECUTABLE_MISSING true
`;
    assert.equal(printed, `first\n${inEach}second\n${inEach}libraries: 1\n`);
  });
});
