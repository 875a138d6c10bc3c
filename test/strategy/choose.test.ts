import assert from "node:assert/strict";
import { WgBridgeError } from "../../src/errors.js";
import { choose, parseBackendRequest } from "../../src/strategy/choose.js";
import type { Probe } from "../../src/strategy/probe.js";

const noLibrary = new WgBridgeError("WG_BRIDGE_LIBRARY_MUSL", "No library here.");
const noExecutable = new WgBridgeError("WG_BRIDGE_EXECUTABLE_MISSING", "No executable here.");
const both: Probe = { library: { path: "/lib" }, executable: { path: "/bin" } };
const onlyExec: Probe = { ...both, library: { path: "/lib", problem: noLibrary } };
const onlyFfi: Probe = { ...both, executable: { path: "/bin", problem: noExecutable } };
const neither: Probe = { library: onlyExec.library, executable: onlyFfi.executable };

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof WgBridgeError && error.code === expected;
}

describe("the choice of a backend", () => {
  it("is ffi for auto where the library can be used, whatever the executable", () => {
    for (const probe of [both, onlyFfi]) {
      const choice = choose("auto", probe);
      assert.equal(choice.backend, "ffi");
      assert.equal(choice.path, "/lib");
      assert.equal(choice.fallback, false);
    }
  });

  it("falls back on exec for auto, and says why in one line", () => {
    const choice = choose("auto", onlyExec);
    assert.equal(choice.backend, "exec");
    assert.equal(choice.path, "/bin");
    assert.equal(choice.fallback, true);
    assert.equal(choice.reason, "auto falls back on exec: No library here.");
  });

  it("never falls back from what was asked for", () => {
    assert.equal(choose("ffi", both).backend, "ffi");
    assert.throws(() => choose("ffi", onlyExec), code("WG_BRIDGE_LIBRARY_MUSL"));
    assert.equal(choose("exec", both).fallback, false);
    assert.equal(choose("exec", onlyExec).backend, "exec");
    assert.throws(() => choose("exec", onlyFfi), code("WG_BRIDGE_EXECUTABLE_MISSING"));
  });

  it("gives both reasons where auto can use neither", () => {
    assert.throws(
      () => choose("auto", neither),
      (error) =>
        code("WG_BRIDGE_EXECUTABLE_MISSING")(error) &&
        error instanceof Error &&
        error.message.includes("No library here.") &&
        error.message.includes("No executable here."),
    );
  });

  it("is refused where the name is none of auto, ffi and exec", () => {
    for (const name of ["", "FFI", "kernel"]) {
      assert.throws(() => parseBackendRequest(name), code("WG_BRIDGE_BACKEND_UNKNOWN"));
    }
    assert.equal(parseBackendRequest("exec"), "exec");
  });
});
