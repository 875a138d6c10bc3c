import assert from "node:assert/strict";
import { WgBridgeError } from "../../src/errors.js";
import { choose, parseBackendRequest } from "../../src/strategy/choose.js";
import type { Probe } from "../../src/strategy/probe.js";
import { hasCode } from "../error-code.js";

const noLibrary = new WgBridgeError("WG_BRIDGE_LIBRARY_MUSL", "No library here.");
const noExecutable = new WgBridgeError("WG_BRIDGE_EXECUTABLE_MISSING", "No executable here.");
const both: Probe = { library: { path: "/lib" }, executable: { path: "/bin" } };
const onlyExec: Probe = { ...both, library: { path: "/lib", problem: noLibrary } };
const onlyFfi: Probe = { ...both, executable: { path: "/bin", problem: noExecutable } };
const neither: Probe = { library: onlyExec.library, executable: onlyFfi.executable };

describe("the choice of a backend", () => {
  it("is ffi for auto if the library can be used, whatever the executable", () => {
    for (const probe of [both, onlyFfi]) {
      const choice = choose("auto", probe);
      assert.equal(choice.backend, "ffi");
      assert.equal(choice.path, "/lib");
      assert.equal(choice.fallback, false);
    }
  });

  it("falls back on exec for auto, and gives the reason in one line", () => {
    const choice = choose("auto", onlyExec);
    assert.equal(choice.backend, "exec");
    assert.equal(choice.path, "/bin");
    assert.equal(choice.fallback, true);
    assert.equal(choice.reason, "auto falls back on exec: No library here.");
  });

  it("never falls back from an explicit choice", () => {
    assert.equal(choose("ffi", both).backend, "ffi");
    assert.throws(() => choose("ffi", onlyExec), hasCode("WG_BRIDGE_LIBRARY_MUSL"));
    assert.equal(choose("exec", both).fallback, false);
    assert.equal(choose("exec", onlyExec).backend, "exec");
    assert.throws(() => choose("exec", onlyFfi), hasCode("WG_BRIDGE_EXECUTABLE_MISSING"));
  });

  it("gives both reasons if auto can use neither", () => {
    assert.throws(
      () => choose("auto", neither),
      (error) =>
        hasCode("WG_BRIDGE_EXECUTABLE_MISSING")(error) &&
        error instanceof Error &&
        error.message.includes("No library here.") &&
        error.message.includes("No executable here."),
    );
  });

  it("is refused if the name is not auto, ffi or exec", () => {
    for (const name of ["", "FFI", "kernel"]) {
      assert.throws(() => parseBackendRequest(name), hasCode("WG_BRIDGE_BACKEND_UNKNOWN"));
    }
    assert.equal(parseBackendRequest("exec"), "exec");
  });
});
