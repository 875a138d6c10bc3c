import assert from "node:assert/strict";
import { programOf } from "../bench.js";
import { choosePrograms } from "../programs.js";

describe("the choice of programs", () => {
  const bench = {
    reference: "upstream",
    programs: () =>
      ["upstream", "fork", "exec", "ffi", "exec -aqm"].map((name) => programOf(name, [name])),
  };
  const nothing = { also: [], without: [] };
  const choose = (wanted: Partial<Parameters<typeof choosePrograms>[1]>) => {
    const { programs, reference } = choosePrograms(bench, { ...nothing, ...wanted }, {});
    return [programs.map(({ name }) => name), reference];
  };

  it("is all of them, compared with the benchmark's reference", () => {
    assert.deepEqual(choose({}), [["upstream", "fork", "exec", "ffi", "exec -aqm"], "upstream"]);
  });

  it("is those that are named, in the order of their columns, and those that other options add", () => {
    assert.deepEqual(choose({ programs: ["ffi", "upstream"] }), [["upstream", "ffi"], "upstream"]);
    assert.deepEqual(choose({ programs: ["exec"], without: ["aqm"], reference: "exec" }), [
      ["exec", "exec -aqm"],
      "exec",
    ]);
    const also = [{ name: "fork", path: "/fork" }];
    assert.deepEqual(choose({ programs: ["exec"], also })[0], ["fork", "exec"]);
  });

  it("has no reference if that is not measured", () => {
    assert.deepEqual(choose({ programs: ["exec", "ffi"] }), [["exec", "ffi"], null]);
  });

  it("is refused if there is no such program", () => {
    assert.throws(() => choose({ programs: ["exec", "wg"] }), {
      message: '--programs "wg" is none of upstream, fork, exec, ffi, exec -aqm.',
    });
    assert.throws(() => choose({ programs: ["exec"], reference: "upstream" }), {
      message: '--reference "upstream" is none of exec.',
    });
  });
});
