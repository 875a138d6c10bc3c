import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { onlyInSandbox } from "../sandbox.js";
import { farAddress, page, useIntranet } from "./intranet.js";
import { asOrdinaryUser, describeClient, output, type Program, runClient } from "./program.js";
import { bytes, longTransfer, sum } from "./transfer.js";

const curl = ["curl", "--silent", "--show-error"];

describeClient("curl by wg-bridge proxy", ["curl", "dnsmasq"], (backend) => {
  onlyInSandbox();
  const intranet = useIntranet(backend);
  let command: Program;
  /** The options of curl for each way through the proxies. */
  let ways: Readonly<Record<"name" | "address" | "plain" | "connect", readonly string[]>>;

  before(async () => {
    command = intranet().start("--socks5=0", "--http=0");
    const socks5 = await command.says(/SOCKS5 at (\S+)/);
    const http = await command.says(/HTTP at (\S+)/);
    ways = {
      name: ["--socks5-hostname", socks5],
      address: ["--socks5", socks5],
      plain: ["--proxy", http],
      connect: ["--proxytunnel", "--proxy", http],
    };
  });

  const mark = asOrdinaryUser.length > 0 ? "" : " [skipped: only root can become another user]";
  it(`is served by a process without privileges${mark}`, function () {
    if (mark !== "") this.skip();
    const status = readFileSync(`/proc/${command.child.pid}/status`, "utf8");
    assert.match(status, /^Uid:\s65534\s65534\s65534\s65534$/m);
    assert.match(status, /^CapEff:\s0+$/m);
  });

  it("gets a page by each way", async () => {
    const words = (way: keyof typeof ways, host = "server.tunnel") =>
      output([...curl, ...ways[way], `http://${host}/`]);
    assert.equal(await words("name"), `${page} by HTTP/1.1`);
    assert.equal(await words("address", farAddress), `${page} by HTTP/1.1`);
    assert.equal(await words("plain"), `${page} by HTTP/1.1`);
    assert.equal(await words("connect"), `${page} by HTTP/1.1`);
  });

  it("speaks HTTP/2, with TLS and without", async () => {
    const { authority } = intranet();
    for (const way of [ways.name, ways.connect]) {
      const secure = [...curl, ...way, "--http2", "--cacert", authority];
      assert.equal(await output([...secure, "https://server.tunnel/"]), `${page} by HTTP/2.0`);
      const clear = [...curl, ...way, "--http2-prior-knowledge", "http://server.tunnel:8080/"];
      assert.equal(await output(clear), `${page} by HTTP/2.0`);
    }
  });

  it("posts a form, and asks twice on one connection", async () => {
    const form = await sum(bytes(1 << 20));
    for (const way of [ways.name, ways.plain, ways.connect]) {
      const url = "http://server.tunnel/sum";
      const post = ["--data-binary", "@-", "--write-out", " %{num_connects} ", url];
      const again = ["--next", ...way, "--silent", "--write-out", " %{num_connects}", url];
      const said = await output([...curl, ...way, ...post, ...again], { input: bytes(1 << 20) });
      assert.equal(said, `POST ${form} 1 GET ${await sum(bytes(0))} 0`);
    }
  });

  it("uploads and downloads much, unchanged", async () => {
    const wanted = await sum(bytes(longTransfer));
    const upload = [...curl, ...ways.name, "--upload-file", "-", "http://server.tunnel/sum"];
    assert.equal(await output(upload, { input: bytes(longTransfer) }), `PUT ${wanted}`);
    const url = `http://server.tunnel/bytes?${longTransfer}`;
    assert.equal((await runClient([...curl, ...ways.plain, url])).hash, wanted);
  });

  it("reads why it cannot connect", async () => {
    const code = async (...words: string[]) => (await runClient([...curl, ...words])).code;
    const [socks5, failedProxy] = [ways.name, 97];
    for (const url of ["http://no.other/", "http://server.tunnel:81/", "http://192.0.2.1/"]) {
      assert.equal(await code(...socks5, url), failedProxy);
      const status = ["--output", "/dev/null", "--write-out", "%{http_code}"];
      assert.equal(await output([...curl, ...ways.plain, ...status, url]), "502");
    }
  });
});
