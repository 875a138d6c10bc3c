import assert from "node:assert/strict";
import { comparison } from "../../netns/netns.js";
import { drawBars, ticksUpTo } from "../../report/bar-chart.js";
import { markup } from "../../report/markup.js";
import { renderPage } from "../../report/page.js";
import type { Result } from "../../result.js";
import { tunnels } from "../../tunnels/tunnels.js";
import { around, compared, findingsOf, ordinary, resultOf } from "../fixtures.js";

const pageOf = (result: Result) => renderPage(tunnels, result);

const hostile = `<script>alert("1")</script>'&`;

describe("the page of a benchmark", () => {
  const page = pageOf(ordinary);

  it("escapes what a program printed", () => {
    const failing = findingsOf("upstream", { start: around(1) }, [
      { leg: "tcp", because: hostile },
    ]);
    const failed = pageOf(resultOf(failing));
    assert.ok(!failed.includes("<script"));
    assert.ok(failed.includes("&lt;script&gt;"));
  });

  it("needs no network: it names no other file, and its policy forbids loading one", () => {
    assert.doesNotMatch(page, /\b(src|href)=|url\(|@import|https?:/);
    assert.match(page, /Content-Security-Policy" content="default-src 'none'/);
  });

  it("plots the figures of each leg below its title, and says what is better", () => {
    const titles = [...page.matchAll(/<h[23]>([^<]+)<\/h/g)].map(([, title]) => title);
    assert.deepEqual(titles, [
      "Start",
      "Start: ms, less is better",
      "TCP, MTU 1420, 1 peer",
      "TCP, MTU 1420, 1 peer: Gbit/s, more is better",
      "UDP, MTU 1420",
      "UDP, MTU 1420: %, less is better",
      "TCP, MTU 9000",
      "TCP, MTU 9000: Gbit/s, more is better",
      "Failures",
      "All figures",
    ]);
  });

  it("shows every sample as a dot, none beyond the plot", () => {
    const dots = [...page.matchAll(/<circle class="sample" cx="([\d.]+)"/g)].map(([, x]) =>
      Number(x),
    );
    assert.equal(dots.length, 9 * (4 + 4 + 2 + 3));
    assert.ok(dots.every((x) => x <= 520 - 96 + 0.1));
  });

  it("has each figure with its ratio and verdict as text", () => {
    assert.match(page, /aria-label="[^"]*exec 1\.50 ±0% {2}×1\.50\+/);
    assert.match(page, /aria-label="[^"]*small –[,;.]/);
  });

  it("has room for long names and figures", () => {
    const name = "exec -udp-segment,udp-gro";
    const long = pageOf(
      resultOf(
        findingsOf("upstream", { start: around(12) }),
        findingsOf(name, { start: around(98.76) }),
      ),
    );
    const placed = /<text class="(group|figure)" x="([\d.]+)"[^>]*>([^<]*)</g;
    const texts = [...long.matchAll(placed)].map(([, kind, x, text = ""]) => {
      const end = Number(x);
      return kind === "group" ? end - text.length * 6 : 520 - end - text.length * 6;
    });
    assert.equal(texts.length, 3);
    for (const room of texts) assert.ok(room >= 0, `${room}`);
  });

  it("reports the noise and the failures", () => {
    assert.match(page, /Noise: half of the samples of upstream/);
    assert.match(page, /small failed in &quot;TCP, MTU 9000&quot; in rounds 1, /);
    assert.doesNotMatch(pageOf(resultOf(findingsOf("upstream", { start: [1] }))), /Failures/);
  });

  it("plots the rates of one leg on one scale", () => {
    const both = pageOf(
      resultOf(findingsOf("upstream", { "tcp-1420-1-up": [1], "tcp-1420-1-down": [4] })),
    );
    const lengths = [
      ...both.matchAll(/<rect class="other-0" x="[\d.]+" y="[\d.]+" width="([\d.]+)"/g),
    ];
    const [short = 0, long = 0] = lengths.map(([, length]) => Number(length));
    assert.equal(short * 4, long);
  });
});

describe("the page of a comparison", () => {
  const page = renderPage(comparison(), compared);

  it("closes every element that it opens", () => {
    const open: string[] = [];
    for (const [tag, closing, name = ""] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
      if (tag.endsWith("/>") || name === "meta") continue;
      if (closing === "") open.push(name);
      else assert.equal(open.pop(), name);
    }
    assert.deepEqual(open, []);
  });

  it("plots steps, duration, memory, each traffic section and the start-up", () => {
    const titles = [...page.matchAll(/<h3>([^<]+)<\/h3>/g)].map(([, title]) => title);
    assert.deepEqual(titles, [
      "Upstream&#39;s netns.sh: more is better",
      "Upstream&#39;s netns.sh: s, less is better",
      "Upstream&#39;s netns.sh: MiB, less is better",
      "Start-up, launch to UAPI answering: ms, less is better",
      "IPv4 outside, MTU 1420: Gbit/s, more is better",
    ]);
  });

  it("has the figures of every plot as text for screen readers", () => {
    assert.equal(page.match(/role="img" aria-label="[^"]+\d[^"]+"/g)?.length, 5);
    assert.match(page, /TCP over IPv4: upstream –, exec 1\.50, ffi 1\.47/);
  });

  it("follows the reader's light or dark scheme", () => {
    assert.match(page, /prefers-color-scheme: dark/);
  });

  it("shows the failure and the verdict", () => {
    assert.match(page, /upstream failed in &quot;set-up&quot;: exit status 1 at step 18/);
    assert.match(page, /<pre>Cannot find device &quot;wg1&quot;<\/pre>/);
    assert.match(page, /exec and ffi passed/);
  });
});

describe("markup", () => {
  it("escapes strings, but not markup again", () => {
    const inner = markup`<b>${hostile}</b>`;
    assert.equal(markup`<p>${inner}${[inner]}${1}</p>`.text, `<p>${inner.text}${inner.text}1</p>`);
    assert.equal(inner.text, "<b>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;</b>");
  });
});

describe("a chart of bars", () => {
  const chart = (values: readonly (number | null)[], maximum: number) =>
    drawBars({
      title: "t",
      unit: "u",
      maximum,
      groups: values.map((value) => ({
        label: "g",
        bars: [{ series: "s", colour: "ffi", value, label: String(value) }],
      })),
    }).text;
  const lengths = (svg: string) =>
    [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, length]) => Number(length));

  it("draws bars in proportion to their values", () => {
    const [half = 0, whole = 0] = lengths(chart([1, 2], 2));
    assert.ok(whole > 0);
    assert.equal(half * 2, whole);
    assert.deepEqual(lengths(chart([250, 500], 500)), [half, whole]);
  });

  it("draws nothing for an unknown figure, or if all figures are 0", () => {
    assert.deepEqual(lengths(chart([null], 2)), [0]);
    assert.deepEqual(lengths(chart([0], 0)), [0]);
  });

  it("marks its axis at round numbers", () => {
    assert.deepEqual(ticksUpTo(2.3), [0, 0.5, 1, 1.5, 2]);
    assert.deepEqual(ticksUpTo(251), [0, 100, 200]);
    assert.deepEqual(ticksUpTo(0), [0]);
    for (const maximum of [0.07, 0.9, 1, 3, 42, 99, 1e4]) {
      const ticks = ticksUpTo(maximum);
      assert.ok(ticks.length >= 2 && ticks.length <= 6, `${maximum}: ${ticks}`);
      assert.ok((ticks.at(-1) ?? 0) <= maximum);
    }
  });
});
