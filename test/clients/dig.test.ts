import assert from "node:assert/strict";
import { onlyInSandbox } from "../sandbox.js";
import { farAddress, useIntranet } from "./intranet.js";
import { describeClient, output } from "./program.js";

describeClient("dig by a forward of wg-bridge proxy", ["dig", "dnsmasq"], (backend) => {
  onlyInSandbox();
  const intranet = useIntranet(backend);
  let ports: Readonly<Record<"udp" | "tcp", string>>;

  before(async () => {
    const target = `${farAddress}:53`;
    const command = intranet().start(`--forward=0=${target}`, `--forward=0=${target}/udp`);
    ports = {
      udp: await command.says(/udp 127\.0\.0\.1:(\d+) leads to/),
      tcp: await command.says(/tcp 127\.0\.0\.1:(\d+) leads to/),
    };
  });

  const dig = (protocol: keyof typeof ports, ...words: readonly string[]) =>
    output(["dig", "@127.0.0.1", "-p", ports[protocol], "+tries=5", ...words]);

  it("is answered by UDP and by TCP", async () => {
    for (const [protocol, option] of [
      ["udp", "+notcp"],
      ["tcp", "+tcp"],
    ] as const) {
      const words = [option, "+short", "A", "server.tunnel"];
      assert.equal(await dig(protocol, ...words), `${farAddress}\n`);
      assert.match(await dig(protocol, option, "A", "server.elsewhere"), /status: REFUSED/);
    }
  });

  it("gets large answers, truncated ones by UDP if it asks for them", async () => {
    const texts = (answer: string) => answer.match(/\bTXT\s+"/g)?.length ?? 0;
    const big = ["TXT", "big.tunnel"];
    assert.equal(texts(await dig("udp", "+ignore", "+bufsize=4096", ...big)), 8);
    assert.match(await dig("udp", "+ignore", "+bufsize=512", ...big), /flags:[^;]* tc[ ;]/);
    assert.equal(texts(await dig("tcp", "+tcp", ...big)), 8);
  });

  it("asks often, each time from another port", async () => {
    const questions = Array.from({ length: 200 }, () => ["A", "server.tunnel"]).flat();
    const answers = await dig("udp", "+short", ...questions);
    assert.equal(answers, `${farAddress}\n`.repeat(200));
  });
});
