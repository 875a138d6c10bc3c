import assert from "node:assert/strict";
import { renderPage } from "../../compare/html.js";
import { drawBars, ticksUpTo } from "../../report/bar-chart.js";
import { markup } from "../../report/markup.js";
import { comparisonOf, failedRun, failure, measured, passedRun } from "./fixtures.js";

const nasty = `<script>alert("1")</script>'&`;
const page = renderPage(
  comparisonOf(
    measured("upstream", [
      { ...failedRun, failure: { ...failure, command: nasty, lastLines: [nasty] } },
    ]),
    measured("exec", [passedRun]),
    measured("ffi", [passedRun]),
  ),
);

describe("markup", () => {
  it("escapes strings, and markup not twice", () => {
    const inner = markup`<b>${nasty}</b>`;
    assert.equal(markup`<p>${inner}${[inner]}${1}</p>`.text, `<p>${inner.text}${inner.text}1</p>`);
    assert.equal(inner.text, "<b>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;</b>");
  });
});

describe("the page", () => {
  it("escapes whatever a program printed", () => {
    assert.ok(!page.includes("<script"));
    assert.ok(page.includes("&lt;script&gt;"));
  });

  it("needs no network: it names no other file, and forbids itself to load one", () => {
    assert.doesNotMatch(page, /\b(src|href)=|url\(|@import|https?:/);
    assert.match(page, /Content-Security-Policy" content="default-src 'none'/);
  });

  it("closes every element that it opens", () => {
    const open: string[] = [];
    for (const [tag, closing, name = ""] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
      if (tag.endsWith("/>") || name === "meta") continue;
      if (closing === "") open.push(name);
      else assert.equal(open.pop(), name);
    }
    assert.deepEqual(open, []);
  });

  it("plots steps, memory, both start-ups and each traffic section", () => {
    const titles = [...page.matchAll(/<h3>([^<]+)<\/h3>/g)].map(([, title]) => title);
    assert.deepEqual(titles, [
      "Steps passed, in the worst run",
      "Peak memory",
      "Start-up, PROGRAM INTERFACE",
      "Start-up, PROGRAM -f INTERFACE",
      "IPv4 outside, MTU 1420",
    ]);
  });

  it("gives every plot its figures as text for a screen reader", () => {
    assert.equal(page.match(/role="img" aria-label="[^"]+\d[^"]+"/g)?.length, 5);
    assert.match(page, /TCP over IPv4: upstream –, exec 1\.500, ffi 1\.500/);
  });

  it("follows the reader's light or dark scheme", () => {
    assert.match(page, /prefers-color-scheme: dark/);
  });

  it("tells the failure and the verdict", () => {
    assert.match(page, /upstream failed at step 18 of 251/);
    assert.match(page, /exec and ffi both passed/);
  });
});

describe("a chart of bars", () => {
  const chart = (values: readonly (number | null)[], most: number) =>
    drawBars({
      title: "t",
      unit: "u",
      most,
      groups: values.map((value) => ({
        label: "g",
        bars: [{ series: "s", colour: "ffi", value, label: String(value) }],
      })),
    }).text;
  const lengths = (svg: string) =>
    [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, length]) => Number(length));

  it("draws bars as long as their values are large", () => {
    const [half = 0, whole = 0] = lengths(chart([1, 2], 2));
    assert.ok(whole > 0);
    assert.equal(half * 2, whole);
    assert.deepEqual(lengths(chart([250, 500], 500)), [half, whole]);
  });

  it("draws nothing for a figure that is not known, nor where all are 0", () => {
    assert.deepEqual(lengths(chart([null], 2)), [0]);
    assert.deepEqual(lengths(chart([0], 0)), [0]);
  });

  it("marks its axis at round numbers", () => {
    assert.deepEqual(ticksUpTo(2.3), [0, 0.5, 1, 1.5, 2]);
    assert.deepEqual(ticksUpTo(251), [0, 100, 200]);
    assert.deepEqual(ticksUpTo(0), [0]);
    for (const most of [0.07, 0.9, 1, 3, 42, 99, 1e4]) {
      const ticks = ticksUpTo(most);
      assert.ok(ticks.length >= 2 && ticks.length <= 6, `${most}: ${ticks}`);
      assert.ok((ticks.at(-1) ?? 0) <= most);
    }
  });
});
