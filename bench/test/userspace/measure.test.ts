import assert from "node:assert/strict";
import { onlyInSandbox } from "../../../test/sandbox.js";
import { measureLeg } from "../../userspace/measure.js";
import { userspace } from "../../userspace/userspace.js";

describe("a leg of userspace tunnels", function () {
  onlyInSandbox();

  this.timeout(120_000);

  /** Measures a leg of one program in this sandbox. */
  async function measure(name: string, leg: string): Promise<ReadonlyMap<string, number>> {
    const programs = userspace.programs({ also: [], without: [] }, process.env);
    const program = programs.find((one) => one.name === name);
    assert.ok(program !== undefined);
    const found = new Map<string, number>();
    await measureLeg(
      leg,
      { program, legs: [leg], seconds: 1, congestion: {} },
      { doing: () => {}, found: (id, value) => found.set(id, value) },
    );
    return found;
  }

  for (const leg of ["forward", "node", "idle"]) {
    it(`finds every figure of exec: ${leg}`, async () => {
      const found = await measure("exec", leg);
      const expected = userspace.figures.filter((figure) => figure.leg === leg);
      assert.deepEqual([...found.keys()].sort(), expected.map(({ id }) => id).sort());
      for (const [id, value] of found) assert.ok(value > 0, `${id} is ${value}`);
    });
  }

  it("finds nothing of a program that has no part in it", async () => {
    assert.deepEqual([...(await measure("exec", "tcp")).keys()], []);
    assert.deepEqual([...(await measure("netstack", "node")).keys()], []);
    assert.deepEqual([...(await measure("upstream", "forward")).keys()], []);
  });

  it("refuses a leg that does not exist", async () => {
    await assert.rejects(measure("exec", "tcp-1"), /^Error: There is no leg tcp-1\.$/);
  });
});
