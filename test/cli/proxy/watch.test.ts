import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { stripVTControlCharacters } from "node:util";
import type { Offer } from "../../../src/cli/proxy/offers.js";
import { formatOffers, offerCounters } from "../../../src/cli/proxy/watch.js";
import { RateHistory } from "../../../src/cli/show/rates.js";
import { onlyInSandbox } from "../../sandbox.js";
import { bridge, runBridge } from "../programs.js";
import { Command, childrenOf, dial, echoes } from "./command.js";
import { FarEnd } from "./far-end.js";

function offer(receivedBytes: number, sentBytes: number): Offer {
  return {
    kind: "forward",
    listen: "127.0.0.1:5432",
    target: "db\x1b.example:5432",
    counts: {
      accepted: 7,
      active: 2,
      refused: 0,
      denied: 0,
      failed: 1,
      receivedBytes,
      sentBytes,
      datagramsSent: 0,
      datagramsReceived: 0,
      datagramsDropped: 0,
    },
  };
}

describe("wg-bridge proxy --watch", function () {
  this.timeout(60_000);
  onlyInSandbox();

  let far: FarEnd;
  before(async () => {
    far = await FarEnd.open();
  });
  after(() => far?.[Symbol.asyncDispose]());

  it("has a line for each part, with its connections and rates", () => {
    const rates = new RateHistory();
    rates.add(offerCounters([offer(0, 0)]), 0);
    rates.add(offerCounters([offer(2048, 100)]), 1000);
    assert.deepEqual(formatOffers([offer(2048, 100)], rates).map(stripVTControlCharacters), [
      "proxy    at                                     open  clients  failed  received      sent",
      "forward  127.0.0.1:5432 to db\\x1b.example:5432  2     7        1       2.0 KiB/s  █  100 B/s  █",
    ]);
  });

  it("prints one view after another without a terminal, and messages beside them", async () => {
    await using command = new Command([
      "--backend=exec",
      "--watch",
      "--interval=0.1",
      `--forward=0=${far.echo}`,
      far.config,
    ]);
    let views = "";
    command.child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      views += piece;
    });
    const shows = async (pattern: RegExp) => {
      while (!pattern.test(views)) await once(command.child.stdout, "data");
      views = "";
    };
    const [forward = ""] = await command.says(/tcp (\S+) leads to/);
    await shows(
      new RegExp(
        `^userspace-1, port \\d+, 1 peer\\npeer +endpoint .*\\n.*never.*\\n\\nproxy +at +open .*\\nforward +${forward} to ${far.echo} +0 +0 +0`,
      ),
    );
    const socket = await dial(Number(forward.split(":")[1]));
    await echoes(socket);
    await shows(/forward .* 1 +1 +0 +[\d.]+ (Ki)?B\/s +[▁█]+ +[\d.]+ (Ki)?B\/s/);
    await shows(/\n\S+ +127\.0\.0\.1:\d+ +\d+ s/);
    socket.destroy();
    command.child.kill("SIGHUP");
    await command.says(/All files were read again/);
    command.child.kill("SIGTERM");
    assert.equal((await command.ended()).code, 0);
  });

  it("redraws a terminal, with messages in the view, and restores it when q is typed", async () => {
    const words = [bridge, "proxy", "--backend=exec", "--watch", "--socks5=0", far.config];
    const terminal = spawn("script", ["-qec", `exec ${words.join(" ")}`, "/dev/null"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const closed = once(terminal, "close");
    let drawn = "";
    terminal.stdout.setEncoding("utf8").on("data", (piece: string) => {
      drawn += piece;
    });
    const shows = async (pattern: RegExp) => {
      while (!pattern.test(drawn)) await once(terminal.stdout, "data");
    };
    await shows(/1 peer.*socks5/s);
    const [command] = childrenOf(terminal.pid);
    process.kill(Number(command), "SIGHUP");
    await shows(/socks5\S* .*\n.*All files were read again\./s);
    terminal.stdin.write("q");
    const [code] = await closed;
    assert.equal(code, 0);
    const [enter, leave] = ["\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"] as const;
    const [before = "", rest = ""] = drawn.split(enter);
    const [view = "", after = ""] = rest.split(leave);
    assert.match(before, /wg-bridge: SOCKS5 at 127/);
    assert.ok(view.includes("\x1b[33msocks5"));
    assert.ok(!view.includes("wg-bridge:"), JSON.stringify(view));
    assert.match(after, /wg-bridge: All files were read again\.\r\n/);
  });

  it("is refused with --stdio, and with an interval that is not valid", () => {
    const ours = (...args: string[]) => runBridge(["proxy", ...args, far.config]).stderr;
    assert.match(ours("--watch", "--stdio=10.0.0.1:22"), /standard output cannot show/);
    assert.match(ours("--watch", "--interval=x"), /--interval=x is not valid/);
  });
});
