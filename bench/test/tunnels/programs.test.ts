import assert from "node:assert/strict";
import { measuredPrograms } from "../../tunnels/programs.js";

describe("the programs of a bench", () => {
  const programs = measuredPrograms(
    [{ name: "tailscale", path: "/opt/tailscale" }],
    ["tso4,uso", "all"],
    { WIREGUARD_GO_EXECUTABLE: "/opt/ours" },
  );

  it("are upstream, the peers, exec and ffi, and exec without levers", () => {
    assert.deepEqual(
      programs.map(({ name }) => name),
      ["upstream", "tailscale", "exec", "ffi", "exec -tso4,uso", "exec -all"],
    );
  });

  it("are judged, but for the peers", () => {
    assert.deepEqual(
      programs.filter(({ judged }) => !judged).map(({ name }) => name),
      ["tailscale"],
    );
  });

  it("are told which levers to do without by their environment alone", () => {
    const [, , exec, , without] = programs;
    assert.deepEqual(exec?.command, ["/opt/ours"]);
    assert.deepEqual(without?.command, exec?.command);
    assert.deepEqual(exec?.env, {});
    assert.deepEqual(without?.env, { WG_BRIDGE_DISABLE: "tso4,uso" });
  });
});
