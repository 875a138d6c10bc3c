import assert from "node:assert/strict";
import { parseReleaseArguments } from "./arguments.js";
import { changelogObstacle, manualObstacle } from "./dated.js";
import type { RowResult } from "./row.js";
import { allRows } from "./rows.js";
import { formatMarkdown, formatResults, formatSummary, permitsRelease } from "./table.js";

const passed: RowResult = {
  row: "a",
  what: "one | two",
  result: "passed",
  because: "",
  seconds: 1.4,
};
const skipped: RowResult = { ...passed, row: "b", result: "skipped", because: "no qemu" };
const failed: RowResult = { ...passed, row: "c", result: "failed", because: "it broke" };

describe("the table of the release check", () => {
  it("says for each row what came of it, and why", () => {
    assert.equal(
      formatResults([passed, skipped]),
      `row  what       result            seconds
a    one | two  passed            1
b    one | two  skipped: no qemu  1
`,
    );
  });

  it("is Markdown for a page", () => {
    assert.equal(
      formatMarkdown([failed]),
      `| row | what | result | seconds |
| --- | --- | --- | --- |
| c | one \\| two | failed: it broke | 1 |
`,
    );
  });

  it("closes with the counts", () => {
    assert.equal(formatSummary([passed, failed, passed]), "2 passed, 1 failed, 0 skipped\n");
  });

  it("permits a release only if every row passed, or was skipped by consent", () => {
    assert.equal(permitsRelease([passed], false), true);
    assert.equal(permitsRelease([passed, skipped], false), false);
    assert.equal(permitsRelease([passed, skipped], true), true);
    assert.equal(permitsRelease([passed, failed], true), false);
    assert.equal(permitsRelease([], true), false);
  });
});

describe("the release check's options", () => {
  it("select rows by name, and refuse another name", () => {
    const rows = ["a", "b"];
    const { only, allowSkips } = parseReleaseArguments(["--only", "a,b", "--allow-skips"], rows);
    assert.deepEqual([only, allowSkips], [rows, true]);
    assert.throws(() => parseReleaseArguments(["--only", "a,c"], rows), {
      message: "--only names no row c: there are a, b.",
    });
  });

  it("can name each row", () => {
    const names = allRows.map(({ row }) => row);
    assert.deepEqual([...new Set(names)], names);
    for (const name of names) assert.match(name, /^[a-z0-9-]+$/);
  });
});

describe("the changelog of a release", () => {
  it("has an entry for the version, with a date", () => {
    const entry = (text: string) => changelogObstacle(`# Changelog\n\n${text}\n`, "1.2.0");
    assert.equal(entry("## [1.2.0] - 2026-11-27\n\n## [1.1.0] - 2026-01-01"), undefined);
    assert.match(entry("## [1.2.0] - Unreleased") ?? "", /calls 1\.2\.0 "Unreleased"/);
    assert.match(entry("## [1.2.0] - 2026-02-30") ?? "", /calls 1\.2\.0 "2026-02-30"/);
    assert.match(entry("## [1.1.0] - 2026-01-01") ?? "", /newest entry .* is 1\.1\.0/);
    assert.match(entry("") ?? "", /is missing/);
  });

  it("has the manual page's date", () => {
    const manual = '.TH WG\\-BRIDGE 1 2026\\-11\\-24 "wg\\-bridge 1.2.0" "User Commands"\n';
    assert.equal(manualObstacle(manual, "## [1.2.0] - 2026-11-24\n"), undefined);
    assert.equal(
      manualObstacle(manual, "## [1.2.0] - 2026-11-27\n"),
      "man/wg-bridge.1 is of 2026-11-24, and the entry of CHANGELOG.md of 2026-11-27.",
    );
  });
});
