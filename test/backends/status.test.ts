import assert from "node:assert/strict";
import fc from "fast-check";
import { endedError, parseTunnelEnd } from "../../src/backends/end.js";
import { startError } from "../../src/backends/failure.js";
import { formatStatus, parseStatus, type Status } from "../../src/backends/status.js";

const line = fc
  .string({ unit: "grapheme" })
  .map((text) => text.replaceAll(/[\r\n\u2028\u2029]/g, ""));
const code = fc
  .array(fc.constantFrom("LIBRARY", "LOAD", "NO", "TUN"), { minLength: 1 })
  .map((words) => `WG_BRIDGE_${words.join("_")}`);
const errno = fc.option(fc.nat(9999), { nil: undefined });
const reason = fc.constantFrom("closed", "interface-deleted", "bind-failed");

const status: fc.Arbitrary<Status> = fc.oneof(
  line.filter((name) => name !== "").map((name): Status => ({ state: "ready", name })),
  fc.tuple(code, errno, line).map(([code, errno, fact]): Status => {
    const failure = { code, ...(errno === undefined ? {} : { errno }), fact };
    return { state: "failed", failure };
  }),
  fc.tuple(reason, fc.option(line, { nil: undefined })).map(([reason, fact]): Status => {
    return { state: "ended", reason, ...(fact === undefined ? {} : { fact }) };
  }),
);

describe("a line of status", () => {
  it("is read back as it was written", () => {
    fc.assert(
      fc.property(status, (given) => {
        assert.deepEqual(parseStatus(formatStatus(given)), given);
      }),
    );
  });

  it("is one line, whatever it contains", () => {
    const failure = { code: "WG_BRIDGE_ENGINE", errno: 5, fact: "one\ntwo" };
    assert.equal(formatStatus({ state: "failed", failure }), "WG_BRIDGE_ENGINE 5: one two");
  });

  it("is what go/status writes", () => {
    assert.deepEqual(parseStatus("ready wg0"), { state: "ready", name: "wg0" });
    const fact = "interface wg0 exists already: device or resource busy";
    assert.deepEqual(parseStatus(`WG_BRIDGE_INTERFACE_EXISTS 16: ${fact}`), {
      state: "failed",
      failure: { code: "WG_BRIDGE_INTERFACE_EXISTS", errno: 16, fact },
    });
    assert.deepEqual(parseStatus("bind-failed: a; b"), {
      state: "ended",
      reason: "bind-failed",
      fact: "a; b",
    });
  });

  it("may be any text of another program", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        parseStatus(text);
        assert.ok(parseTunnelEnd("wg1", text).message.length > 0);
      }),
    );
  });
});

describe("the error of a start", () => {
  it("is one sentence with the fact and one with the remedy", () => {
    const fact = "interface wg1 exists already: device or resource busy";
    const error = startError("wg1", { code: "WG_BRIDGE_INTERFACE_EXISTS", errno: 16, fact });
    assert.equal(error.code, "WG_BRIDGE_INTERFACE_EXISTS");
    assert.equal(
      error.message,
      'The tunnel wg1 cannot be started: interface wg1 exists already: device or resource busy. Choose another name, or delete the interface with "ip link del wg1".',
    );
  });

  it("has the remedy of its errno if that says more than the code", () => {
    const full = startError("wg1", { code: "WG_BRIDGE_RESOURCES", errno: 24, fact: "no more" });
    assert.match(full.message, /no more\. This process may not open more file descriptors/);
    const file = startError("wg1", { code: "WG_BRIDGE_ENGINE", errno: 17, fact: "in the way" });
    assert.match(file.message, /in the way\. Remove it/);
  });

  it("has the remedy of a socket directory that cannot be used, whatever the errno is", () => {
    for (const errno of [17, 20, 30]) {
      const failure = { code: "WG_BRIDGE_SOCKET_DIRECTORY", errno, fact: "no directory" };
      assert.match(
        startError("wg1", failure).message,
        /no directory\. Mount an emptyDir or a tmpfs/,
      );
    }
  });

  it("stays unchanged if it comes from TypeScript, without an errno", () => {
    const error = startError("wg1", { code: "WG_BRIDGE_LIBRARY_ABI", fact: "Build it anew." });
    assert.deepEqual([error.code, error.message], ["WG_BRIDGE_LIBRARY_ABI", "Build it anew."]);
  });
});

describe("the line in which the engine says why a tunnel ended", () => {
  for (const reason of ["closed", "interface-deleted", "socket-removed"]) {
    it(`gives the reason ${reason} unchanged`, () => {
      assert.equal(parseTunnelEnd("wg1", reason).reason, reason);
    });
  }

  it("may add what failed meanwhile", () => {
    const end = parseTunnelEnd("wg1", "closed: device busy");
    assert.equal(end.reason, "closed");
    assert.match(end.message, /device busy/);
  });

  const failures = ["interface", "listener", "bind"].map((what) => `${what}-failed: bad`);
  for (const line of [undefined, "", ...failures, "nobody knows"]) {
    it(`means that the tunnel is lost if it is ${JSON.stringify(line)}`, () => {
      assert.equal(parseTunnelEnd("wg1", line).reason, "lost");
    });
  }

  it("makes later exchanges fail as closed, or as lost", () => {
    assert.equal(endedError(parseTunnelEnd("wg1", "closed")).code, "WG_BRIDGE_CLOSED");
    assert.equal(endedError(parseTunnelEnd("wg1", "interface-deleted")).code, "WG_BRIDGE_LOST");
    assert.equal(endedError(parseTunnelEnd("wg1", undefined)).code, "WG_BRIDGE_LOST");
  });
});
