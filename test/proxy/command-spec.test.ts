import assert from "node:assert/strict";
import { commandSpec, type FilePart } from "../../src/proxy/command-spec.js";
import { type ProxyWords, parseProxyOptions } from "../../src/proxy/options.js";
import { says } from "./problem.js";

const ann = [{ user: "ann", password: "a" }];
const none = { users: [], passwords: new Map() };
const nothing: FilePart = { socks5: [], http: [], forward: [], expose: [] };
const local = (port: number) => ({ host: "127.0.0.1", port });

const spec = (words: ProxyWords, file = nothing, files: Parameters<typeof commandSpec>[1] = none) =>
  commandSpec(parseProxyOptions(words), files, file);

describe("what wg-bridge proxy serves", () => {
  it("is a SOCKS5 proxy if nothing is asked for", () => {
    const standard = {
      spec: { socks5: [{ listen: local(1080), users: [] }], http: [], forward: [], expose: [] },
    };
    assert.deepEqual(spec({}), standard);
    assert.deepEqual(commandSpec(parseProxyOptions({}), none), standard);
    assert.deepEqual(spec({ metrics: "9586", dns: ["10.0.0.1"] }), standard);
    const auth = spec({ auth: "users", allow: ["10.0.0.0/8"] }, nothing, { ...none, users: ann });
    assert.deepEqual(auth.spec.socks5, [{ listen: local(1080), users: ann }]);
    assert.deepEqual(auth.spec.allow, ["10.0.0.0/8"]);
  });

  it("is only what is asked for otherwise", () => {
    const words: readonly ProxyWords[] = [
      { stdio: "ssh.example:22" },
      { http: ["8080"] },
      { forward: ["80=web:80"] },
      { expose: ["80=localhost:80"] },
    ];
    for (const one of words) assert.deepEqual(spec(one).spec.socks5, [], JSON.stringify(one));
    assert.deepEqual(spec({ stdio: "ssh.example:22" }).stdio, { host: "ssh.example", port: 22 });
    const stdio = { host: "10.0.0.1", port: 22 };
    assert.deepEqual(spec({}, { ...nothing, stdio }), {
      spec: { socks5: [], http: [], forward: [], expose: [] },
      stdio,
    });
    const listener = { listen: local(1) };
    assert.deepEqual(spec({}, { ...nothing, http: [listener] }).spec.socks5, []);
  });

  it("joins the options, the files that they name and wireproxy's file", () => {
    const passwords = new Map([["/run/p", "hunter2"]]);
    const bob = [{ user: "bob", password: "b" }];
    const read = spec(
      {
        socks5: ["ben:/run/p@0.0.0.0:1080"],
        http: ["8080"],
        forward: ["80=web:80"],
        auth: "users",
      },
      {
        socks5: [{ listen: local(1081) }],
        http: [{ listen: { host: "::", port: 8081 }, users: bob }],
        forward: [{ protocol: "udp", listen: local(53), target: { host: "10.0.0.1", port: 53 } }],
        expose: [{ protocol: "tcp", port: 80, target: local(80) }],
      },
      { users: ann, passwords },
    );
    assert.deepEqual(read, {
      spec: {
        socks5: [
          {
            listen: { host: "0.0.0.0", port: 1080 },
            users: [{ user: "ben", password: "hunter2" }],
          },
          { listen: local(1081), users: ann },
        ],
        http: [
          { listen: local(8080), users: ann },
          { listen: { host: "::", port: 8081 }, users: bob },
        ],
        forward: [
          { protocol: "tcp", listen: local(80), target: { host: "web", port: 80 } },
          { protocol: "udp", listen: local(53), target: { host: "10.0.0.1", port: 53 } },
        ],
        expose: [{ protocol: "tcp", port: 80, target: local(80) }],
      },
    });
  });

  const exposed =
    "is not a loopback address, and everybody who reaches it could use the tunnel, since it has no users. Give --auth FILE, a loopback address, or --open.";
  const web = { host: "web", port: 80 };
  const wrong: readonly (readonly [ProxyWords, FilePart, string])[] = [
    [{ socks5: ["0.0.0.0:1080"] }, nothing, `--socks5: 0.0.0.0:1080 ${exposed}`],
    [{ http: ["1", "[::]:1080"] }, nothing, `--http: [::]:1080 ${exposed}`],
    [
      {},
      { ...nothing, http: [{ listen: { host: "10.0.0.1", port: 80 } }] },
      `the configuration's [http]: 10.0.0.1:80 ${exposed}`,
    ],
    [
      { forward: ["0.0.0.0:80=web:80"] },
      nothing,
      "--forward: 0.0.0.0:80 is not a loopback address, and everybody who reaches it could use this forward. Give a loopback address, or --open.",
    ],
    [
      { socks5: ["1080"] },
      { ...nothing, socks5: [{ listen: local(1080) }] },
      "the configuration's [Socks5]: --socks5 listens on 127.0.0.1:1080 already. Give another address.",
    ],
    [
      { http: ["9586"], metrics: "9586" },
      nothing,
      "--metrics: --http listens on 127.0.0.1:9586 already. Give another address.",
    ],
    [
      { forward: ["80=web:80"] },
      { ...nothing, forward: [{ protocol: "tcp", listen: local(80), target: web }] },
      "the configuration's [TCPClientTunnel] or [UDPProxyTunnel]: --forward listens on 127.0.0.1:80 already. Give another address.",
    ],
    [
      { expose: ["80=web:80"] },
      { ...nothing, expose: [{ protocol: "tcp", port: 80, target: web }] },
      "the configuration's [TCPServerTunnel]: --expose has port 80 of the tunnel already. Give another port.",
    ],
    [
      { stdio: "a:1" },
      { ...nothing, stdio: web },
      "--stdio: the configuration's [STDIOTunnel] has standard input already. Leave out one of them.",
    ],
    [
      { auth: "users", forward: ["80=web:80"] },
      nothing,
      "--auth is for SOCKS5 and HTTP proxies, and there is none. Leave it out, or give --socks5 or --http.",
    ],
    [
      { allow: ["10.0.0.0/8"], stdio: "a:1" },
      nothing,
      "--allow is for SOCKS5 and HTTP proxies, and there is none. Leave it out, or give --socks5 or --http.",
    ],
  ];
  for (const [words, file, message] of wrong) {
    it(`is refused: ${message.slice(0, 80)}`, () => {
      assert.throws(() => spec(words, file), says("WG_BRIDGE_VALUE", message));
    });
  }

  it("may be open to everybody, or to users", () => {
    spec({ socks5: ["0.0.0.0:1080"], forward: ["[::]:80=web:80"], open: true });
    spec({ socks5: ["0.0.0.0:1080"], auth: "a" }, nothing, { ...none, users: ann });
    spec({ socks5: ["0.0.0.0:1080"], http: ["0.0.0.0:1080"], open: true });
    spec({ metrics: "0.0.0.0:9586" });
  });
});
