import assert from "node:assert/strict";
import { onlyInSandbox } from "../sandbox.js";
import { farAddress, useIntranet } from "./intranet.js";
import { describeClient, output, Program } from "./program.js";

const size = 64 << 20;

describeClient("iperf3 by a forward of wg-bridge proxy", ["iperf3", "dnsmasq"], (backend) => {
  onlyInSandbox();
  const intranet = useIntranet(backend);
  let port: string;

  before(async () => {
    await intranet().tunnel.proxy({
      expose: ["5201=127.0.0.1:5201", "5201/udp=127.0.0.1:5201"],
    });
    const command = intranet().start(
      `--forward=6201=${farAddress}:5201`,
      `--forward=6201=${farAddress}:5201/udp`,
    );
    port = await command.says(/tcp 127\.0\.0\.1:(\d+) leads to/);
    assert.equal(await command.says(/udp 127\.0\.0\.1:(\d+) leads to/), port);
  });

  /** Resolves with what iperf3 measured in one run. */
  async function measure(...options: readonly string[]): Promise<Measured> {
    await using server = new Program(["iperf3", "--server", "--one-off", "--forceflush"]);
    await server.says(/Server listening/);
    const client = ["iperf3", "--json", "--client", "127.0.0.1", "--port", port, ...options];
    return JSON.parse(await output(client));
  }

  for (const [title, options] of [
    ["up", []],
    ["down", ["--reverse"]],
    ["both ways on four connections", ["--bidir", "--parallel", "2"]],
  ] as const) {
    it(`carries TCP ${title}`, async () => {
      const { end } = await measure("--bytes", String(size), ...options);
      // With --bidir it ends once both directions together have sent this.
      const sent = end.sum_sent.bytes + (end.sum_sent_bidir_reverse?.bytes ?? 0);
      assert.ok(sent >= size, `${sent} bytes were sent`);
      assert.ok(end.sum_received.bytes > 0);
    });
  }

  it("carries UDP", async () => {
    const { end } = await measure("--udp", "--bitrate", "20M", "--bytes", "4M", "--length", "1200");
    assert.ok(end.sum.packets > 3000);
    assert.ok(end.sum.lost_percent < 100);
  });
});

/** What of iperf3's JSON is looked at. */
interface Measured {
  readonly end: {
    readonly sum_sent: { readonly bytes: number };
    readonly sum_sent_bidir_reverse?: { readonly bytes: number };
    readonly sum_received: { readonly bytes: number };
    readonly sum: { readonly packets: number; readonly lost_percent: number };
  };
}
