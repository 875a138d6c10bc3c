import assert from "node:assert/strict";
import fc from "fast-check";
import { formatSocketAddress } from "../../src/proxy/address.js";
import { formatExpose, formatForward } from "../../src/proxy/forward.js";
import {
  formatListener,
  type ListenerOption,
  type ProxyOptions,
  type ProxyWords,
  parseListener,
  parseProxyOptions,
} from "../../src/proxy/options.js";
import {
  addresses,
  allowed,
  exposes,
  forwards,
  listens,
  targets,
  tcpListens,
  users,
} from "./arbitrary.js";
import { refuses, says } from "./problem.js";

const listenerExpected =
  "USER:FILE@ADDRESS:PORT, where FILE is the path of a file that contains the password";
const addressExpected =
  "ADDRESS:PORT, such as 127.0.0.1:1080 or [::1]:1080, a port alone for 127.0.0.1, or unix:PATH";

/** Proxies, as people may write them: the user is not "unix", and no path has "@unix:" in it. */
const listeners: fc.Arbitrary<ListenerOption> = fc
  .tuple(
    listens,
    fc.option(fc.tuple(users, fc.stringMatching(/^[ -~]{1,40}$/)), { nil: undefined }),
  )
  .filter(([, user]) => user === undefined || !`${user[0].user}${user[1]}`.includes("unix"))
  .map(([listen, user]) => {
    if (user === undefined) return { listen };
    // An "@" in the name would be that of a path.
    const [{ user: name }, file] = user;
    return { listen, user: { name, file } };
  });

describe("a proxy on the command line", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(listeners, (listener) => {
        assert.deepEqual(parseListener(formatListener(listener)), listener);
      }),
    );
  });

  it("may have an at sign in its path", () => {
    assert.deepEqual(parseListener("unix:/run/a@b:c"), { listen: { path: "/run/a@b:c" } });
    assert.deepEqual(parseListener("ann:/a@b/c@unix:/run/a@b"), {
      listen: { path: "/run/a@b" },
      user: { name: "ann", file: "/a@b/c" },
    });
    assert.deepEqual(parseListener("ann:/a@b:c@[::1]:80"), {
      listen: { host: "::1", port: 80 },
      user: { name: "ann", file: "/a@b:c" },
    });
  });

  const wrong: readonly (readonly [string, string, string, number?])[] = [
    ["ann@1080", "there is no file after the user's name", listenerExpected],
    ["ann:@1080", "the path of the file is empty", listenerExpected],
    [
      ":p@1080",
      "the user name is empty",
      "a user name of 1 to 255 bytes without control characters",
    ],
    ["ann:p@1080x", "the port is missing", addressExpected, 6],
    ["ann:p@::1:80", "an IPv6 address must be in brackets", addressExpected, 6],
    ["ann:p@127.0.0.1:x", "the port is wrong", "a number from 0 to 65535", 16],
  ];
  for (const [text, problem, expected, at] of wrong) {
    it(`is not ${text}`, () => refuses(parseListener, text, problem, expected, at));
  }
});

describe("the options of wg-bridge proxy", () => {
  const nothing: ProxyOptions = {
    socks5: [],
    http: [],
    forward: [],
    expose: [],
    dns: [],
    hostDns: false,
    open: false,
  };

  it("may be absent", () => {
    assert.deepEqual(parseProxyOptions({}), nothing);
    assert.deepEqual(parseProxyOptions({ socks5: undefined, open: undefined }), nothing);
    assert.deepEqual(parseProxyOptions({ "host-dns": true, open: true }), {
      ...nothing,
      hostDns: true,
      open: true,
    });
  });

  it("are read as they were written", () => {
    const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { maxLength: 3 });
    const optional = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
    fc.assert(
      fc.property(
        fc.record(
          {
            socks5: some(listeners),
            http: some(listeners),
            forward: some(forwards),
            expose: some(exposes),
            auth: optional(fc.stringMatching(/^[ -~]{1,20}$/)),
            stdio: optional(targets),
            metrics: optional(tcpListens),
            dns: fc.uniqueArray(addresses, { maxLength: 3 }),
            allow: optional(some(allowed)),
            open: fc.boolean(),
          },
          { noNullPrototype: true },
        ),
        (model) => {
          const { auth, stdio, metrics, allow, ...rest } = model;
          const words: ProxyWords = {
            socks5: model.socks5.map(formatListener),
            http: model.http.map(formatListener),
            forward: model.forward.map(formatForward),
            expose: model.expose.map(formatExpose),
            auth,
            stdio: stdio && formatSocketAddress(stdio),
            metrics: metrics && formatSocketAddress(metrics),
            dns: model.dns,
            allow,
            open: model.open,
          };
          assert.deepEqual(parseProxyOptions(words), {
            ...rest,
            ...(auth !== undefined && { auth }),
            ...(stdio && { stdio }),
            ...(metrics && { metrics }),
            ...(allow && { allow }),
            hostDns: false,
          });
        },
      ),
    );
  });

  it("name a server once", () => {
    const { dns } = parseProxyOptions({ dns: ["FD00::1", "10.0.0.1", "fd00:0::1"] });
    assert.deepEqual(dns, ["fd00::1", "10.0.0.1"]);
  });

  const target = "HOST:PORT, such as db.example:5432 or [fd00::1]:5432";
  const wrong: readonly (readonly [ProxyWords, string])[] = [
    [
      { socks5: ["1080", "10.0.0.1"] },
      `--socks5 "10.0.0.1": the port is missing. Give ${addressExpected}.`,
    ],
    [
      { socks5: ["ann:hunter2@::1"] },
      `--socks5 "ann:***@::1": an IPv6 address must be in brackets. Give ${addressExpected}.`,
    ],
    [
      { http: ["ann:hunter2\nb@c@::1"] },
      `--http "ann:***@::1": an IPv6 address must be in brackets. Give ${addressExpected}.`,
    ],
    [
      { http: ["a@b:hunter2@::1"] },
      `--http "a@b:***@::1": an IPv6 address must be in brackets. Give ${addressExpected}.`,
    ],
    [
      { http: ["http://127.0.0.1:8080"] },
      `--http "http://127.0.0.1:8080": this is a URL. Give ${addressExpected}.`,
    ],
    [
      { http: ["unix:proxy.sock"] },
      '--http "unix:proxy.sock": this is not an absolute path of a file. Give an absolute path, such as unix:/run/user/1000/proxy.sock.',
    ],
    [
      { forward: ["8080:web:80"] },
      '--forward "8080:web:80": there is no equals sign. Give LISTEN=HOST:PORT, such as 127.0.0.1:5432=db.example:5432, or LISTEN=HOST:PORT/udp.',
    ],
    [
      { expose: ["8080"] },
      '--expose "8080": there is no equals sign. Give PORT=HOST:PORT, such as 8080=127.0.0.1:3000, PORT/udp=HOST:PORT, or PORT=unix:PATH.',
    ],
    [{ auth: "" }, '--auth "": the path is empty. Give a file.'],
    [{ stdio: "ssh.example" }, `--stdio "ssh.example": the port is missing. Give ${target}.`],
    [
      { metrics: "unix:/run/m" },
      '--metrics "unix:/run/m": a Unix socket cannot be used here. Give ADDRESS:PORT, such as 127.0.0.1:1080 or [::1]:1080.',
    ],
    [
      { dns: ["10.0.0.1:53"] },
      '--dns "10.0.0.1:53": this is not an IP address. Give the address of a name server in the tunnel, such as 10.0.0.1, without a port.',
    ],
    [
      { dns: ["10.0.0.1"], "host-dns": true },
      "--host-dns asks this machine for names, and --dns asks servers in the tunnel. Give one of them.",
    ],
    [
      { allow: ["10.0.0.0/33"] },
      '--allow "10.0.0.0/33": this is neither a prefix nor a host name. Give a prefix such as 10.0.0.0/8, a name such as db.example.org, or *.example.org for all names below it.',
    ],
    [
      { stdio: `\x1b[2J${"a".repeat(300)}` },
      `--stdio "\\u001b[2J(hidden)": the port is missing. Give ${target}.`,
    ],
  ];
  for (const [words, message] of wrong) {
    it(`are refused: ${message.slice(0, 70)}`, () => {
      assert.throws(() => parseProxyOptions(words), says("WG_BRIDGE_VALUE", message));
    });
  }
});
