import assert from "node:assert/strict";
import { memory } from "../../bench/tunnels/process.js";
import { onlyInSandbox } from "../sandbox.js";
import { whileFlooded } from "./memory.js";
import { largeRate, type MemoryRow, offline, ordinaryRate } from "./memory-rows.js";
import { type FieldProgram, ownPrograms, peerProgram, reference } from "./programs.js";

/** How much memory a program may use, relative to upstream's. */
const allowed = 1.5;

/** Resident memory in MiB. */
interface Held {
  readonly before: number;
  readonly peak: number;
}

describe("a tunnel whose packets cannot leave", () => {
  onlyInSandbox();

  for (const row of [
    offline(1, 1420, 1, ordinaryRate),
    offline(1, 65_000, 1, largeRate),
    offline(10, 1420, 0.3, ordinaryRate),
  ]) {
    describe(`with ${row.title}`, () => {
      let upstream: Held;
      before("measures upstream's program", async () => {
        upstream = await held(row, peerProgram);
      });

      for (const program of ownPrograms.filter(({ name }) => name !== reference)) {
        it(`holds at most ${allowed} times what upstream's program holds, on ${program.name}`, async () => {
          const { before, peak } = await held(row, program);
          // Node's own memory does not depend on packets.
          const comparable = upstream.before + peak - before;
          assert.ok(
            comparable <= allowed * upstream.peak,
            `holds ${comparable.toFixed(1)} MiB, upstream's ${upstream.peak.toFixed(1)}`,
          );
        });
      }
    });
  }
});

function held(row: MemoryRow, program: FieldProgram): Promise<Held> {
  return whileFlooded(row, program, async ({ pid, before }) => ({
    before,
    peak: memory(pid, "VmHWM"),
  }));
}
