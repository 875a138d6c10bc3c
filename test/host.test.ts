import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import satisfies from "semver/functions/satisfies.js";
import { packageRoot } from "../src/artifacts.js";
import { requireTunnelHost } from "../src/host.js";
import { nodeVersionProblem } from "../src/node-version.js";
import { hasCode } from "./error-code.js";

const oldVersions = ["12.22.9", "18.20.8", "20.18.3", "21.7.3", "22.11.0"];
const goodVersions = ["20.19.0", "20.20.2", "22.12.0", "23.0.0", "24.21.0", "26.12.1"];

describe("the host of tunnels", () => {
  for (const version of goodVersions) {
    it(`may be Node.js ${version}`, () => {
      assert.equal(nodeVersionProblem(version), undefined);
      const manifest: { readonly engines: { readonly node: string } } = JSON.parse(
        readFileSync(`${packageRoot}/package.json`, "utf8"),
      );
      assert.ok(satisfies(version, manifest.engines.node), manifest.engines.node);
    });
  }

  for (const version of oldVersions) {
    it(`may not be Node.js ${version}, and the error names both versions`, () => {
      assert.throws(
        () => requireTunnelHost({ platform: "linux", node: version }),
        (error) => {
          assert.ok(error instanceof Error);
          assert.match(error.message, /needs Node\.js 20\.19 .* 22\.12 .*/);
          assert.ok(error.message.includes(`this is Node.js ${version}.`));
          return hasCode("WG_BRIDGE_NODE_VERSION")(error);
        },
      );
    });
  }

  it("is Linux, and an error names another system as people do", () => {
    for (const [platform, name] of [
      ["darwin", "macOS"],
      ["win32", "Windows"],
      ["openbsd", "openbsd"],
    ] as const) {
      assert.throws(
        () => requireTunnelHost({ platform, node: "24.0.0" }),
        (error) =>
          hasCode("WG_BRIDGE_PLATFORM")(error) && String(error).includes(`and this is ${name}.`),
      );
    }
  });
});
