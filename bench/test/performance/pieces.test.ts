import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { packageRoot } from "../../../src/artifacts.js";
import { parseBenchArguments } from "../../arguments.js";
import { pieces } from "../../performance/pieces.js";
import { replaceBlock } from "../../performance/tables.js";
import { figures } from "../../tunnels/figures.js";
import { tunnels } from "../../tunnels/tunnels.js";

const read = (path: string) => readFileSync(`${packageRoot}/${path}`, "utf8");

describe("the pieces of docs/performance.md", () => {
  for (const { name, args, takes, rows } of pieces) {
    it(`are measured by a command that works, and have a place in the page: ${name}`, () => {
      const { legs } = parseBenchArguments(tunnels, args, ["reno", "bbr", "cubic"]);
      assert.ok(legs.length > 0);
      replaceBlock(read("docs/performance.md"), name, "");
      const script = read("scripts/performance").replace(/\n# /g, " ");
      assert.ok(
        script.includes(`${name} takes about ${takes}`) || script.includes(`${name} ${takes}`),
      );
      for (const id of rows.flatMap(({ ids }) => ids)) {
        const figure = figures.find((one) => one.id === id);
        assert.ok(figure !== undefined && legs.includes(figure.leg), id);
      }
    });
  }
});
