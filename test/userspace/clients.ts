import assert from "node:assert/strict";
import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import http2 from "node:http2";
import https from "node:https";
import type { Socket } from "node:net";
import tls from "node:tls";
import { type Dispatcher, FormData as UndiciForm } from "undici";
import { WebSocket, WebSocketServer } from "ws";
import { loadPackage, missingPackage } from "../clients/packages.js";
import { type Certificate, makeCertificate } from "./certificate.js";
import { errorOf, type Site } from "./site.js";

/** What a server saw of a request. */
interface Seen {
  readonly method: string;
  readonly url: string;
  readonly body: string;
  readonly type: string;
  readonly protocol: string;
}

/** Answers with what it was sent. */
function mirror(request: IncomingMessage, response: http.ServerResponse): void {
  let body = "";
  request.setEncoding("utf8").on("data", (piece) => {
    body += piece;
  });
  request.on("end", () => {
    const { method, url, headers, httpVersion } = request;
    const seen = { method, url, body, type: headers["content-type"], protocol: httpVersion };
    response.end(JSON.stringify(seen));
  });
}

async function bodyOf(response: IncomingMessage): Promise<Seen> {
  let text = "";
  for await (const piece of response) text += piece;
  return JSON.parse(text);
}

const major = Number(process.versions.node.split(".", 1)[0]);

/** What of undici is used here, whichever its version. */
interface Undici {
  readonly Agent: new (options: { connect: unknown }) => Dispatcher;
  readonly request: (
    url: string,
    options: { dispatcher: Dispatcher },
  ) => Promise<{ readonly statusCode: number; readonly body: { text(): Promise<string> } }>;
}

/** The releases of undici that run on this Node.js, and the ends of their tests' titles. */
const undicis = [
  { version: "6", load: () => import("undici-6"), runs: major < 26, isPinned: false, mark: "" },
  { version: "7", load: () => import("undici"), runs: true, isPinned: false, mark: "" },
  {
    version: "8",
    load: async () => loadPackage("undici-8"),
    runs: major >= 22,
    isPinned: true,
    mark: missingPackage("undici-8"),
  },
].filter(({ runs }) => runs);

/**
 * Tests the clients of the web over a userspace tunnel. Must be called inside a describe().
 * @param withPinned whether to test those of test/clients/pinned, too, which not every user may read
 */
export function testClients(open: () => Promise<Site>, withPinned: boolean): void {
  let site: Site;
  let certificate: Certificate;
  let plain = "";
  let secure = "";
  let securePort = 0;
  let plainPort = 0;
  const closing: (() => void)[] = [];

  before(async () => {
    site = await open();
    certificate = makeCertificate(site.farAddress);
    const server = http.createServer(mirror);
    plainPort = await site.attach(server);
    const secureServer = https.createServer(certificate, mirror);
    securePort = await site.attach(secureServer);
    plain = `http://${site.farAddress}:${plainPort}`;
    secure = `https://${site.farAddress}:${securePort}`;
    closing.push(
      () => server.closeAllConnections(),
      () => secureServer.closeAllConnections(),
    );
  });

  after(async () => {
    for (const close of closing) close();
    await site[Symbol.asyncDispose]();
  });

  it("http.request by an agent, which keeps its connection", async () => {
    const agent = site.tunnel.agent();
    const sockets = new Set<Socket>();
    for (const path of ["/one", "/two"]) {
      const request = http.request(`${plain}${path}`, { agent, method: "POST" });
      request.on("socket", (socket) => sockets.add(socket));
      request.end("body");
      const [response] = await once(request, "response");
      const seen = await bodyOf(response);
      assert.deepEqual([seen.method, seen.url, seen.body], ["POST", path, "body"]);
    }
    assert.equal(sockets.size, 1);
    agent.destroy();
  });

  it("https.request by an agent, which checks the certificate", async () => {
    const agent = site.tunnel.httpsAgent({ ca: certificate.cert });
    const sockets = new Set<Socket>();
    for (const path of ["/one", "/two"]) {
      const request = https.get(`${secure}${path}`, { agent });
      request.on("socket", (socket) => sockets.add(socket));
      const [response] = await once(request, "response");
      assert.equal((await bodyOf(response)).url, path);
    }
    assert.equal(sockets.size, 1);
    agent.destroy();
    const strict = site.tunnel.httpsAgent();
    const refused = https.get(secure, { agent: strict });
    const error = await errorOf(refused);
    assert.ok(error instanceof Error && "code" in error);
    assert.equal(error.code, "DEPTH_ZERO_SELF_SIGNED_CERT");
    strict.destroy();
  });

  if (withPinned) {
    const clientsMark = missingPackage("axios") || missingPackage("got");
    it(`axios and got by the agents${clientsMark}`, async function () {
      if (clientsMark !== "") this.skip();
      const [agent, httpsAgent] = [
        site.tunnel.agent(),
        site.tunnel.httpsAgent({ ca: certificate.cert }),
      ];
      const [axios, got] = [loadPackage("axios"), loadPackage("got")];
      assert.ok(isAxios(axios) && isGot(got));
      for (const url of [`${plain}/a`, `${secure}/a`]) {
        const byAxios = await axios.get(url, { httpAgent: agent, httpsAgent, proxy: false });
        assert.equal(byAxios.data.url, "/a");
        const byGot = await got.got(url, { agent: { http: agent, https: httpsAgent } });
        assert.match(byGot.body, /"url":"\/a"/);
      }
      agent.destroy();
      httpsAgent.destroy();
    });
  }

  it("an agent's request fails as one without a tunnel does", async () => {
    for (const [module, agent, protocol] of [
      [http, site.tunnel.agent(), "http"],
      [https, site.tunnel.httpsAgent(), "https"],
    ] as const) {
      const error = await errorOf(module.get(`${protocol}://192.0.2.77/`, { agent }));
      assert.ok(error instanceof Error && "code" in error);
      assert.equal(error.code, "EHOSTUNREACH");
      agent.destroy();
    }
  });

  it("fetch of the tunnel, with every kind of request", async () => {
    const get = await site.tunnel.fetch(`${plain}/get?a=1`);
    assert.equal(get.status, 200);
    const read = async (response: { json(): Promise<unknown> }) => await response.json();
    assert.equal(JSON.parse(JSON.stringify(await read(get))).url, "/get?a=1");
    const text = await site.tunnel.fetch(new URL("/text", plain), { method: "PUT", body: "hi" });
    assert.match(JSON.stringify(await read(text)), /"method":"PUT".*"body":"hi"/);
    const request = new Request(`${plain}/request`, {
      method: "POST",
      headers: { "content-type": "text/special" },
      body: "from a Request",
    });
    const seen = JSON.stringify(await read(await site.tunnel.fetch(request)));
    assert.match(seen, /"method":"POST".*"body":"from a Request","type":"text\/special"/);
    for (const form of [new FormData(), new UndiciForm()]) {
      form.append("field", "value");
      form.append("file", new Blob(["content"]), "name.txt");
      const body: FormData = form; // that of undici is of another class, and works as well
      const sent = JSON.stringify(
        await read(await site.tunnel.fetch(plain, { method: "POST", body })),
      );
      assert.match(sent, /multipart\/form-data; boundary/);
      assert.match(sent, /filename=\\+"name\.txt/);
      assert.match(sent, /value/);
    }
    await assert.rejects(site.tunnel.fetch("http://192.0.2.77/"), (error: unknown) => {
      assert.ok(error instanceof TypeError && error.cause instanceof Error);
      assert.match(error.cause.message, /EHOSTUNREACH/);
      return true;
    });
    await assert.rejects(site.tunnel.fetch("http://no.such.name/"), TypeError);
    await assert.rejects(
      site.tunnel.fetch(plain, { signal: AbortSignal.abort(new Error("mine")) }),
      {
        message: "mine",
      },
    );
  });

  it("the built-in fetch by a dispatcher, over HTTP and HTTPS", async () => {
    const dispatcher = await site.tunnel.dispatcher({ connect: { ca: certificate.cert } });
    for (const url of [`${plain}/x`, `${secure}/x`]) {
      // @ts-expect-error The types of the built-in fetch are those of another release of undici.
      const response = await fetch(url, { dispatcher });
      assert.equal(response.status, 200);
      assert.match(await response.text(), /"url":"\/x"/);
    }
    await dispatcher.close();
  });

  for (const { version, load, isPinned, mark } of undicis) {
    if (isPinned && !withPinned) continue;
    it(`undici ${version} by the connector${mark}`, async function () {
      if (mark !== "") this.skip();
      const module: unknown = await load();
      assert.ok(isUndici(module));
      const dispatcher = new module.Agent({
        connect: (options: object, callback: never) =>
          site.tunnel.connector({ ...optionsOf(options), ...{ ca: certificate.cert } }, callback),
      });
      for (const url of [`${plain}/u`, `${secure}/u`]) {
        const { statusCode, body } = await module.request(url, { dispatcher });
        assert.equal(statusCode, 200);
        assert.match(await body.text(), /"url":"\/u"/);
      }
      await dispatcher.close();
    });
  }

  it("HTTP/2 by node:http2, over TLS and without, and by a dispatcher", async () => {
    const server = http2.createSecureServer({ ...certificate, allowHTTP1: false });
    server.on("stream", (stream) => stream.end("over 2"));
    const port = await site.attach(server);
    const clear = http2.createServer((_, response) => void response.end("clear 2"));
    const clearPort = await site.attach(clear);
    const ask = async (session: http2.ClientHttp2Session) => {
      const stream = session.request({ ":path": "/" });
      let text = "";
      for await (const piece of stream) text += piece;
      session.close();
      return text;
    };
    const host = site.farAddress;
    const socket = tls.connect({
      socket: await site.tunnel.connect({ host, port }),
      ca: certificate.cert,
      ALPNProtocols: ["h2"],
      host,
    });
    const over = http2.connect(`https://${host}:${port}`, { createConnection: () => socket });
    assert.equal(await ask(over), "over 2");
    const prior = http2.connect(`http://${host}:${clearPort}`, {
      createConnection: () => site.tunnel.createConnection({ host, port: clearPort }),
    });
    assert.equal(await ask(prior), "clear 2");
    const dispatcher = await site.tunnel.dispatcher({
      allowH2: true,
      connect: { ca: certificate.cert },
    });
    const { statusCode, body } = await dispatcher.request({
      origin: `https://${host}:${port}`,
      path: "/",
      method: "GET",
    });
    assert.equal(statusCode, 200);
    assert.equal(await body.text(), "over 2");
    await dispatcher.destroy();
  });

  it("ws by an agent and by createConnection", async () => {
    const server = http.createServer();
    const sockets = new WebSocketServer({ server });
    sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
    const port = await site.attach(server);
    const url = `ws://${site.farAddress}:${port}/`;
    for (const options of [
      { agent: site.tunnel.agent() },
      { createConnection: () => site.tunnel.createConnection({ host: site.farAddress, port }) },
    ]) {
      const socket = new WebSocket(url, options);
      await once(socket, "open");
      const answered = once(socket, "message");
      socket.send("x".repeat(100_000));
      assert.equal(String((await answered)[0]).length, 100_000);
      const closed = once(socket, "close");
      socket.close();
      await closed;
    }
    sockets.close();
  });

  // Node.js 20 has none.
  if (globalThis.WebSocket !== undefined) {
    it("the built-in WebSocket by a dispatcher, with TLS and without", async () => {
      const dispatcher = await site.tunnel.dispatcher({ connect: { ca: certificate.cert } });
      for (const [scheme, server] of [
        ["ws", http.createServer()],
        ["wss", https.createServer(certificate)],
      ] as const) {
        const sockets = new WebSocketServer({ server });
        sockets.on("connection", (socket) =>
          socket.on("message", (data) => socket.send(`${data}`)),
        );
        const url = `${scheme}://${site.farAddress}:${await site.attach(server)}/`;
        // @ts-expect-error The types of the built-in WebSocket are those of another release of undici.
        const socket = new globalThis.WebSocket(url, { dispatcher });
        await eventOf(socket, "open");
        const answered = eventOf(socket, "message");
        socket.send("x".repeat(100_000));
        const answer = await answered;
        assert.ok("data" in answer && answer.data === "x".repeat(100_000));
        const closed = eventOf(socket, "close");
        socket.close();
        await closed;
        sockets.close();
      }
      await dispatcher.close();
    });
  }

  it("tls.connect over a socket that is connected, and over one that is not yet", async () => {
    const options = { ca: certificate.cert, host: site.farAddress };
    const target = { host: site.farAddress, port: securePort };
    for (const socket of [
      await site.tunnel.connect(target),
      site.tunnel.createConnection(target),
    ]) {
      const over = tls.connect({ ...options, socket });
      await once(over, "secureConnect");
      over.write("GET /tls HTTP/1.0\r\n\r\n");
      let text = "";
      for await (const piece of over) text += piece;
      assert.match(text, /"url":"\/tls"/);
    }
  });

  it("a reset under TLS that the program has put over a socket is an error, after the data before", async () => {
    const peers: Socket[] = [];
    const server = tls.createServer(certificate, (socket) => {
      socket.on("error", () => {});
      socket.write("before");
    });
    const port = await site.serve((socket) => {
      peers.push(socket);
      server.emit("connection", socket);
    });
    const socket = await site.tunnel.connect({ host: site.farAddress, port });
    const secure = tls.connect({ socket, ca: certificate.cert, host: site.farAddress });
    let text = "";
    secure.on("data", (piece) => {
      text += piece;
      for (const peer of peers) peer.resetAndDestroy();
    });
    secure.on("end", () => {
      text += " and an end";
    });
    const error = await errorOf(secure);
    assert.ok(error instanceof Error && "code" in error);
    assert.deepEqual([error.code, text], ["ECONNRESET", "before"]);
    server.close();
  });

  it("a failure of the connection is one of TLS over it", async () => {
    const peers: Socket[] = [];
    const server = tls.createServer(certificate, (socket) => {
      socket.on("error", () => {});
      socket.write("before");
    });
    const port = await site.serve((socket) => {
      peers.push(socket);
      server.emit("connection", socket);
    });
    const agent = site.tunnel.httpsAgent({ ca: certificate.cert });
    const request = https.get(`https://${site.farAddress}:${port}/`, { agent });
    request.on("error", () => {}); // what the server says is not HTTP
    const outcome = new Promise<Error>((resolve, reject) => {
      site.tunnel.connector(
        {
          hostname: site.farAddress,
          protocol: "https:",
          port: String(port),
          ...{ ca: certificate.cert },
        },
        (error, socket) => {
          if (socket === null) return reject(error);
          socket.once("data", () => {
            for (const peer of peers) peer.resetAndDestroy();
          });
          socket.on("error", resolve);
        },
      );
    });
    const error = await outcome;
    assert.ok("code" in error);
    assert.equal(error.code, "ECONNRESET");
    agent.destroy();
    server.close();
  });

  it("a web server inside the tunnel, for whoever is behind it", async () => {
    const server = http.createServer(mirror);
    await using inside = await site.tunnel.listen({ port: 0 });
    inside.on("connection", (socket) => server.emit("connection", socket));
    const port = inside.address()?.port ?? 0;
    const socket = site.dial(port);
    const request = http.get({ path: "/in", createConnection: () => socket });
    const [response] = await once(request, "response");
    assert.equal((await bodyOf(response)).url, "/in");
    server.closeAllConnections();
    socket.destroy();
  });
}

/** Resolves with the next event of a kind, and rejects if an error comes first. */
function eventOf(target: EventTarget, name: string): Promise<Event> {
  return new Promise((resolve, reject) => {
    target.addEventListener(name, resolve, { once: true });
    target.addEventListener("error", (event) => reject(new Error(`${name}: ${event.type}`)));
  });
}

interface Axios {
  get(
    url: string,
    options: { httpAgent: http.Agent; httpsAgent: https.Agent; proxy: false },
  ): Promise<{ readonly data: Seen }>;
}

function isAxios(module: unknown): module is Axios {
  return typeof module === "function" && "get" in module;
}

interface Got {
  got(
    url: string,
    options: { agent: { http: http.Agent; https: https.Agent } },
  ): Promise<{ readonly body: string }>;
}

function isGot(module: unknown): module is Got {
  return typeof module === "object" && module !== null && "got" in module;
}

function isUndici(module: unknown): module is Undici {
  return typeof module === "object" && module !== null && "Agent" in module && "request" in module;
}

/** The options that undici gives its connector, which no common type describes for all releases. */
function optionsOf(options: object): { hostname: string; protocol: string; port: string } {
  const { hostname, protocol, port } = { hostname: "", protocol: "", port: "", ...options };
  return { ...options, hostname, protocol, port };
}
