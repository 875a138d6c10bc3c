import assert from "node:assert/strict";
import { once } from "node:events";
import type { Server } from "node:http";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { metricsServer } from "../../../src/cli/metrics/server.js";

/** More bytes than a connection's two ends buffer. */
const large = "x".repeat(32 << 20);

/** Longer than any answer takes, in milliseconds. */
const patient = { request: 60_000, idle: 60_000 };
const impatient = { request: 200, idle: 200 };

describe("clients of wg-bridge metrics --listen", () => {
  let server: Server;

  async function serve(collect: () => Promise<string>, limits = patient): Promise<void> {
    server = metricsServer(["metrics.example.org"], collect, limits);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }

  function client(): Socket {
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    const connection = connect(address.port, "127.0.0.1");
    connection.on("error", () => {}); // the server may disconnect it
    return connection;
  }

  function ask(path: string, host = "127.0.0.1"): Promise<string> {
    const connection = client();
    connection.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return text(connection);
  }

  afterEach(async () => {
    server.closeAllConnections();
    const closed = once(server, "close");
    server.close();
    await closed;
  });

  it("share what is collected while they wait, but never an older answer", async () => {
    const waiting: ((metrics: string) => void)[] = [];
    await serve(() => new Promise((resolve) => waiting.push(resolve)));
    const requested = once(server, "request").then(() => once(server, "request"));
    const first = [ask("/metrics"), ask("/metrics")];
    await requested;
    assert.equal(waiting.length, 1);
    waiting[0]?.("one");
    for (const answer of await Promise.all(first)) assert.match(answer, /\r\n\r\none$/);
    const requestedAgain = once(server, "request");
    const second = ask("/metrics");
    await requestedAgain;
    waiting[1]?.("two");
    assert.match(await second, /\r\n\r\ntwo$/);
  });

  it("are disconnected if they send nothing, or an incomplete request", async () => {
    await serve(async () => "", impatient);
    for (const sent of ["", "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n"]) {
      const connection = client();
      connection.write(sent);
      connection.resume();
      await once(connection, "close");
    }
  });

  it("are disconnected if they do not read", async () => {
    await serve(async () => large, impatient);
    const connection = client();
    connection.pause();
    const [atServer]: Socket[] = await once(server, "connection");
    connection.write("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    assert.ok(atServer);
    await once(atServer, "close");
    connection.destroy();
  });

  it("are answered for any address, but only for the given host names", async () => {
    await serve(async () => "the metrics");
    for (const host of ["127.0.0.1:9586", "localhost", "metrics.example.org"]) {
      assert.match(await ask("/metrics", host), /^HTTP\/1\.1 200 .*\r\n\r\nthe metrics$/s);
    }
    for (const path of ["/metrics", "/", "http://127.0.0.1/metrics"]) {
      const answer = await ask(path, "attacker.example");
      assert.match(answer, /^HTTP\/1\.1 421 .*\r\n\r\nMetrics .* --host=NAME\.\n$/s);
    }
  });
});
