import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createSocket, type Socket as Datagrams } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { ip, onlyInSandbox } from "../../sandbox.js";
import { serveNames } from "../../userspace/name-server.js";
import { Command, childrenOf, curl, dial, statusOnly } from "./command.js";
import { FarEnd, farAddress, farAddress6 } from "./far-end.js";

/** An address that is not in the tunnel, and a name that only this machine's resolver knows. */
const outside = ["192.0.2.1", "2001:db8::1"] as const;
const outsideName = "outside.example";
const insideName = "inside.example";

/** What is on this machine's side under the very addresses of the tunnel: it must see nothing. */
class Decoys implements AsyncDisposable {
  readonly #web: readonly Server[];
  readonly #resolver: Datagrams;
  readonly #datagrams: Datagrams;
  /** A line for each thing that reached them. */
  seen: string[] = [];

  private constructor(web: readonly Server[], resolver: Datagrams, datagrams: Datagrams) {
    this.#web = web;
    this.#resolver = resolver;
    this.#datagrams = datagrams;
  }

  static async start(webPort: number, echoPort: number, directory: string): Promise<Decoys> {
    for (const address of [farAddress, farAddress6, ...outside]) {
      ip("address", "add", address, "dev", "lo", ...(address.includes(":") ? ["nodad"] : []));
    }
    const conf = `${directory}/resolv.conf`;
    execFileSync("sh", ["-c", `echo nameserver 127.0.0.1 >${conf}`]);
    execFileSync("mount", ["--bind", conf, "/etc/resolv.conf"]); // this sandbox's own
    const servers = [80, webPort].map((port) => ({ port, server: createServer() }));
    const datagrams = createSocket("udp6");
    const decoys = new Decoys(
      servers.map(({ server }) => server),
      createSocket("udp4"),
      datagrams,
    );
    for (const { port, server } of servers) {
      server.on("connection", (socket) => {
        decoys.seen.push(`a connection to port ${port}`);
        socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndecoy");
      });
      server.listen(port, "::");
      await once(server, "listening");
    }
    decoys.#resolver.on("message", () => decoys.seen.push("a question"));
    serveNames(decoys.#resolver, { [outsideName]: farAddress, [insideName]: outside[0] });
    decoys.#resolver.bind(53, "127.0.0.1");
    await once(decoys.#resolver, "listening");
    datagrams.on("message", () => decoys.seen.push("a datagram"));
    datagrams.bind(echoPort, "::");
    await once(datagrams, "listening");
    return decoys;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#web) server.close();
    this.#resolver.close();
    this.#datagrams.close();
    execFileSync("umount", ["/etc/resolv.conf"]);
    for (const address of [farAddress, farAddress6, ...outside]) {
      ip("address", "del", address.includes(":") ? `${address}/128` : `${address}/32`, "dev", "lo");
    }
  }
}

for (const backend of ["exec", "ffi"] as const) {
  describe(`what wg-bridge proxy sends on ${backend}`, function () {
    this.timeout(180_000);
    onlyInSandbox();

    let far: FarEnd;
    let decoys: Decoys;
    let config: string;
    let webPort: number;
    let echoPort: number;

    before(async () => {
      far = await FarEnd.open();
      webPort = Number(far.web.split(":")[1]);
      const echo = await far.tunnel.datagram();
      echo.on("message", (payload, { port, address }) => echo.send(payload, port, address));
      echoPort = echo.address().port;
      serveNames(await far.tunnel.datagram({ port: 53 }), { [insideName]: farAddress });
      config = far.file("named.conf", `${far.interfaceText}DNS = ${farAddress}\n${far.peerText}`);
      decoys = await Decoys.start(webPort, echoPort, far.directory);
    });
    after(async () => {
      await decoys?.[Symbol.asyncDispose]();
      await far?.[Symbol.asyncDispose]();
    });
    beforeEach(() => {
      decoys.seen = [];
    });

    /** Starts the command under strace. `destinations` ends it, and returns where it has sent. */
    const start = async (...options: readonly string[]) => {
      const trace = `${far.directory}/trace`;
      const calls = "trace=connect,sendto,sendmsg,sendmmsg";
      const command = new Command(
        [`--backend=${backend}`, "--socks5=0", "--http=0", ...options, config],
        ["strace", "-f", "-qq", "-e", calls, "-o", trace],
      );
      const [socks5 = ""] = await command.says(/SOCKS5 at (\S+)/);
      const [http = ""] = await command.says(/HTTP at (\S+)/);
      const destinations = async () => {
        const [node] = childrenOf(command.child.pid);
        process.kill(Number(node), "SIGTERM");
        assert.equal((await command.ended()).code, 0);
        const sent = readFileSync(trace, "utf8").match(/sa_family=AF_INET6?, [^}]*/g) ?? [];
        return [...new Set(sent)].sort();
      };
      return { command, socks5, http, destinations };
    };
    const to = (port: number) =>
      `sa_family=AF_INET, sin_port=htons(${port}), sin_addr=inet_addr("127.0.0.1")`;

    it("goes to the peer's endpoint and nowhere else, whatever clients ask for", async () => {
      const { command, socks5, http, destinations } = await start();
      await using _command = command;
      const hosts = [farAddress, `[${farAddress6}]`, insideName].map(
        (host) => `${host}:${webPort}`,
      );
      for (const host of hosts) {
        assert.equal(await curl("--socks5-hostname", socks5, `http://${host}/`), "page /");
        assert.equal(await curl("--proxy", http, `http://${host}/`), "page /");
        assert.equal(await curl("--proxytunnel", "--proxy", http, `http://${host}/`), "page /");
      }
      const others = [...outside, "127.0.0.1", "::1", "localhost", outsideName];
      for (const host of others.map((one) => (one.includes(":") ? `[${one}]` : one))) {
        const url = `http://${host}:${webPort}/`;
        await assert.rejects(curl("--socks5-hostname", socks5, url), { code: 97 });
        const proxied = ["--noproxy", "", "--proxy", http, url];
        assert.equal(await curl(...statusOnly, ...proxied), "502");
        await assert.rejects(curl("--proxytunnel", ...proxied), { code: 56 });
      }
      const client = await Association.open(socks5);
      for (const host of others) client.send(host, echoPort, "lost");
      for (const host of [farAddress, farAddress6, insideName]) {
        client.send(host, echoPort, `to ${host}`);
        assert.equal(await client.received(), `to ${host}`);
      }
      client.close();
      assert.deepEqual(decoys.seen, []);
      assert.deepEqual(await destinations(), [to(far.port), to(client.port)].sort());
    });

    it("goes to this machine's resolver only with --host-dns, after a warning", async () => {
      // Outside of the allowed IPs, which matters to nobody: it is not asked.
      config = far.file("split.conf", `${far.interfaceText}DNS = ${outside[0]}\n${far.peerText}`);
      const { command, socks5, http, destinations } = await start("--host-dns");
      await using _command = command;
      const url = `http://${outsideName}:${webPort}/`;
      assert.equal(await curl("--socks5-hostname", socks5, url), "page /");
      assert.ok(decoys.seen.length > 0);
      assert.deepEqual(new Set(decoys.seen), new Set(["a question"]));
      decoys.seen = [];
      for (const host of [...outside, "127.0.0.1", "::1"]) {
        const other = `http://${host.includes(":") ? `[${host}]` : host}:${webPort}/`;
        const proxied = ["--noproxy", "", "--proxy", http, other];
        assert.equal(await curl(...statusOnly, ...proxied), "502");
      }
      assert.deepEqual(decoys.seen, []);
      assert.deepEqual(await destinations(), [to(53), to(far.port)].sort());
      const { said } = await command.ended();
      assert.match(said, /Warning: --host-dns: this machine's resolver/);
    });

    it("does not fall back on this machine's network if the peer is gone", async () => {
      const { command, socks5, http, destinations } = await start(`--dns=${farAddress}`);
      await using _command = command;
      const named = `http://${insideName}:${webPort}/`;
      assert.equal(await curl("--socks5-hostname", socks5, named), "page /");
      const endpoint = far.port;
      await far.tunnel.close();
      const soon = ["--max-time", "2", `http://${farAddress}:${webPort}/`];
      await assert.rejects(curl("--socks5", socks5, ...soon), { code: 28 });
      await assert.rejects(curl("--proxy", http, ...soon), { code: 28 });
      if (backend === "exec") {
        const [node] = childrenOf(command.child.pid);
        const [engine] = childrenOf(node);
        process.kill(Number(engine), "SIGKILL");
        await command.says(/was started again/);
        await assert.rejects(curl("--socks5", socks5, ...soon), { code: 28 });
      }
      assert.deepEqual(decoys.seen, []);
      assert.deepEqual(await destinations(), [to(endpoint)]);
    });

    it("would have been seen by the decoys", async () => {
      assert.equal(await curl(`http://${outside[0]}/`), "decoy");
      assert.equal(await curl(`http://[${farAddress6}]:${webPort}/`), "decoy");
      assert.equal(await curl(`http://${insideName}:80/`), "decoy");
      const socket = createSocket("udp4");
      socket.send("lost", echoPort, farAddress);
      while (!decoys.seen.includes("a datagram")) await new Promise(setImmediate);
      socket.close();
      assert.deepEqual(
        new Set(decoys.seen),
        new Set([
          "a connection to port 80",
          `a connection to port ${webPort}`,
          "a question",
          "a datagram",
        ]),
      );
    });
  });
}

/** A client of UDP ASSOCIATE. Source: RFC 1928. */
class Association {
  readonly #socket: Datagrams;
  readonly #relay: number;
  readonly #end: () => void;
  readonly port: number;

  private constructor(socket: Datagrams, relay: number, end: () => void) {
    this.#socket = socket;
    this.port = socket.address().port;
    this.#relay = relay;
    this.#end = end;
  }

  static async open(socks5: string): Promise<Association> {
    const control = await dial(Number(socks5.split(":")[1]));
    control.write(Buffer.from([5, 1, 0]));
    const [greeting]: unknown[] = await once(control, "data");
    assert.deepEqual(greeting, Buffer.from([5, 0]));
    control.write(Buffer.from([5, 3, 0, 1, 0, 0, 0, 0, 0, 0]));
    const [reply]: unknown[] = await once(control, "data");
    assert.ok(Buffer.isBuffer(reply));
    assert.deepEqual([...reply.subarray(0, 8)], [5, 0, 0, 1, 127, 0, 0, 1]);
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new Association(socket, reply.readUInt16BE(8), () => control.destroy());
  }

  send(host: string, port: number, text: string): void {
    const name = Buffer.from(host);
    const header = Buffer.from([0, 0, 0, 3, name.length]);
    const end = Buffer.alloc(2);
    end.writeUInt16BE(port);
    this.#socket.send(
      Buffer.concat([header, name, end, Buffer.from(text)]),
      this.#relay,
      "127.0.0.1",
    );
  }

  /** Resolves with the payload of the next datagram. */
  async received(): Promise<string> {
    const [message]: unknown[] = await once(this.#socket, "message");
    assert.ok(Buffer.isBuffer(message));
    const length = message[3] === 4 ? 16 : 4;
    return message.toString("utf8", 4 + length + 2);
  }

  close(): void {
    this.#end();
    this.#socket.close();
  }
}
