import assert from "node:assert/strict";
import { withModules } from "../../packages/sbom.js";

const net = { "bom-ref": "pkg:golang/golang.org/x/net@v0.62.0", name: "golang.org/x/net" };

describe("a bill of materials", () => {
  it("names the module of which a program has a changed copy, and its version", () => {
    const copy = "./build/crypto/v0.58.0-652754d13324/crypto";
    const reference = `pkg:golang/${copy}@(devel)?type=module`;
    const made = withModules({
      metadata: { component: { name: "wg-bridge" } },
      components: [
        { "bom-ref": reference, name: copy, version: "(devel)", purl: `${reference}&goos=linux` },
        net,
      ],
      ...{ dependencies: [{ ref: reference }, { ref: net["bom-ref"], dependsOn: [reference] }] },
    });
    const module = "pkg:golang/golang.org/x/crypto@v0.58.0?type=module";
    assert.deepEqual(made, {
      metadata: { component: { name: "wg-bridge" } },
      components: [
        {
          "bom-ref": module,
          name: "golang.org/x/crypto",
          version: "v0.58.0",
          purl: `${module}&goos=linux`,
          pedigree: {
            notes: "AVX-512 was added to chacha20poly1305, by go/cipher/_crypto of wg-bridge.",
          },
        },
        net,
      ],
      dependencies: [{ ref: module }, { ref: net["bom-ref"], dependsOn: [module] }],
    });
  });

  it("stays as it is without such a copy", () => {
    const sbom = { metadata: { component: { name: "wg-bridge" } }, components: [net] };
    assert.deepEqual(withModules(sbom), sbom);
    const npm = { metadata: { component: { name: "wg-bridge" } } };
    assert.deepEqual(withModules(npm), npm);
  });
});
