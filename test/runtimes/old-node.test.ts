import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { packageRoot } from "../../src/artifacts.js";
import { bridge } from "../cli/programs.js";
import { onlyInSandbox } from "../sandbox.js";
import { describeOn } from "./installed.js";

// Ubuntu 22.04 has 12, Debian 12 and Ubuntu 24.04 have 18.
for (const version of ["12", "16", "18"]) {
  describeOn(["node", version], "is refused", ([node = ""]) => {
    onlyInSandbox();

    it("by every command with one sentence", () => {
      for (const args of [["wg0"], ["genkey"], ["--help"], []]) {
        const { status, stdout, stderr } = spawnSync(node, [bridge, ...args], { encoding: "utf8" });
        assert.equal(stdout, "");
        assert.match(
          stderr,
          new RegExp(`^wg-bridge: wg-bridge needs .*, and this is Node\\.js ${version}\\..*\\n$`),
        );
        assert.equal(status, 1);
      }
    });

    // Before 16.11 the syntax of the package is unknown.
    if (version !== "12") {
      it("by openTunnel, with a code", () => {
        const code = `import("${packageRoot}/dist/src/index.js")
          .then(({ openTunnel }) => openTunnel({ name: "wg0" }))
          .catch((error) => console.log(error.code));`;
        const { stdout } = spawnSync(node, ["--eval", code], { encoding: "utf8", timeout: 60_000 });
        assert.equal(stdout, "WG_BRIDGE_NODE_VERSION\n");
      });
    }
  });
}
