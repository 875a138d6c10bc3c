import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { packageRoot } from "../../src/artifacts.js";
import { onlyInSandbox } from "../sandbox.js";
import { page, useIntranet } from "./intranet.js";
import { asOrdinaryUser, describeClient, output } from "./program.js";

const html = readFileSync(`${packageRoot}/test/clients/chromium.html`, "utf8");

describeClient("Chromium by wg-bridge proxy", ["chromium", "dnsmasq"], (backend) => {
  onlyInSandbox();
  const intranet = useIntranet(backend);
  const proxies: Record<string, string> = {};
  const requested = new Set<string>();

  before(async () => {
    const server = createServer(async (request, response) => {
      requested.add(`${request.url}`);
      if (request.url === "/last") await once(server, "complete");
      if (request.url === "/complete") server.emit("complete");
      response.setHeader("content-type", "text/html");
      response.end(request.url === "/page" ? html : "");
    });
    const sockets = new WebSocketServer({ server });
    sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(String(data))));
    await intranet().attach(8000, server);
    const command = intranet().start("--socks5=0", "--http=0");
    proxies.socks5 = `socks5://${await command.says(/SOCKS5 at (\S+)/)}`;
    proxies.HTTP = `http://${await command.says(/HTTP at (\S+)/)}`;
  });

  for (const proxy of ["socks5", "HTTP"]) {
    it(`shows a page through ${proxy}, its names looked up in the tunnel alone`, async () => {
      requested.clear();
      const dom = await output([
        ...asOrdinaryUser,
        ...["env", `HOME=${intranet().directory}`, "chromium"],
        ..."--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run".split(
          " ",
        ),
        "--ignore-certificate-errors",
        `--user-data-dir=${intranet().directory}/chromium-${proxy}`,
        `--proxy-server=${proxies[proxy]}`,
        "--dump-dom",
        "http://server.tunnel:8000/page",
      ]);
      assert.ok(dom.includes(`[WebSocket: echo; ${page} by HTTP/2.0; failed]`), dom);
      assert.ok(requested.has("/complete"));
      assert.deepEqual(intranet().askedOfHost, []);
    });
  }
});
