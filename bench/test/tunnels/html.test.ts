import assert from "node:assert/strict";
import { renderPage } from "../../tunnels/html.js";
import { around, ordinary, resultOf, told } from "./fixtures.js";

const nasty = `<script>alert("1")</script>'&`;

describe("the page of a bench", () => {
  const page = renderPage(ordinary);

  it("escapes what a program printed", () => {
    const failing = told("upstream", { start: around(1) }, [{ leg: "tcp", because: nasty }]);
    const failed = renderPage(resultOf(failing));
    assert.ok(!failed.includes("<script"));
    assert.ok(failed.includes("&lt;script&gt;"));
  });

  it("needs no network: it names no other file, and forbids itself to load one", () => {
    assert.doesNotMatch(page, /\b(src|href)=|url\(|@import|https?:/);
    assert.match(page, /Content-Security-Policy" content="default-src 'none'/);
  });

  it("plots each figure below the title of its leg, and says what is better", () => {
    const titles = [...page.matchAll(/<h[23]>([^<]+)<\/h/g)].map(([, title]) => title);
    assert.deepEqual(titles, [
      "Start",
      "start, launch to UAPI answering (less is better)",
      "TCP, MTU 1420, 1 peer",
      "TCP, MTU 1420, 1 peer, 1 stream up (more is better)",
      "UDP, MTU 1420",
      "UDP loss, 250 Mbit/s offered (less is better)",
      "TCP, MTU 9000",
      "TCP, MTU 9000, 1 stream up (more is better)",
      "What was not done",
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

  it("gives a figure with its ratio and the verdict as text", () => {
    assert.match(page, /aria-label="[^"]*exec 1\.50 ±0% {2}×1\.50\+/);
    assert.match(page, /aria-label="[^"]*small –[,;.]/);
  });

  it("has room for long names and figures", () => {
    const name = "exec -udp-segment,udp-gro";
    const long = renderPage(
      resultOf(told("upstream", { start: around(12) }), told(name, { start: around(98.76) })),
    );
    const placed = /<text class="(group|figure)" x="([\d.]+)"[^>]*>([^<]*)</g;
    const texts = [...long.matchAll(placed)].map(([, kind, x, text = ""]) => {
      const end = Number(x);
      return kind === "group" ? end - text.length * 6 : 520 - end - text.length * 6;
    });
    assert.equal(texts.length, 4);
    for (const room of texts) assert.ok(room >= 0, `${room}`);
  });

  it("tells the noise, and what was not done", () => {
    assert.match(page, /Noise: half of upstream&#39;s samples/);
    assert.match(page, /small has no figures of &quot;tcp-9000&quot; in 9 of 9 rounds/);
    assert.doesNotMatch(renderPage(resultOf(told("upstream", { start: [1] }))), /not done/);
  });

  it("plots rates of one leg to one scale", () => {
    const both = renderPage(
      resultOf(told("upstream", { "tcp-1420-1-up": [1], "tcp-1420-1-down": [4] })),
    );
    const lengths = [
      ...both.matchAll(/<rect class="other-0" x="[\d.]+" y="[\d.]+" width="([\d.]+)"/g),
    ];
    const [short = 0, long = 0] = lengths.map(([, length]) => Number(length));
    assert.equal(short * 4, long);
  });
});
