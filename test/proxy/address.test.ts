import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatSocketAddress,
  hostName,
  isLocal,
  parseListen,
  parseLocalTarget,
  parseTarget,
  parseTcpListen,
} from "../../src/proxy/address.js";
import { listens, sockets, targets, tcpListens } from "./arbitrary.js";
import { refuses } from "./problem.js";

const listen =
  "ADDRESS:PORT, such as 127.0.0.1:1080 or [::1]:1080, a port alone for 127.0.0.1, or unix:PATH";
const tcpListen = "ADDRESS:PORT, such as 127.0.0.1:1080 or [::1]:1080";
const target = "HOST:PORT, such as db.example:5432 or [fd00::1]:5432";

describe("the address of a listener", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(listens, (address) => {
        assert.deepEqual(parseListen(formatSocketAddress(address)), address);
      }),
    );
    fc.assert(
      fc.property(tcpListens, (address) => {
        assert.deepEqual(parseTcpListen(formatSocketAddress(address)), address);
      }),
    );
  });

  const spellings: readonly (readonly [string, string])[] = [
    ["1080", "127.0.0.1:1080"],
    ["localhost:1080", "127.0.0.1:1080"],
    ["LocalHost:01080", "127.0.0.1:1080"],
    ["127.0.0.1:0", "127.0.0.1:0"],
    ["[0:0::1]:80", "[::1]:80"],
    ["[FD00::A]:80", "[fd00::a]:80"],
    ["[::ffff:10.0.0.1]:80", "10.0.0.1:80"],
    ["[::]:80", "[::]:80"],
    ["unix:/run/a b=@:x", "unix:/run/a b=@:x"],
  ];
  for (const [text, canonical] of spellings) {
    it(`may be spelled ${text}`, () => {
      assert.equal(formatSocketAddress(parseListen(text)), canonical);
    });
  }

  const all =
    "0.0.0.0 or [::] for all addresses of this machine, or 127.0.0.1 for this machine alone";
  const path = "an absolute path, such as unix:/run/user/1000/proxy.sock";
  const wrong: readonly (readonly [string, string, string, number?])[] = [
    ["", "the port is missing", listen],
    ["10.0.0.1", "the port is missing", listen],
    ["[::1]", "the port is missing", listen],
    ["::1", "an IPv6 address must be in brackets", listen],
    ["::1:1080", "an IPv6 address must be in brackets", listen],
    ["[127.0.0.1]:80", "only an IPv6 address has brackets", listen],
    ["[::1]x:80", "the port is missing", listen],
    [":1080", "the address is missing", all],
    ["*:1080", "the address is missing", all],
    ["[fe80::1%eth0]:80", "this is not an IP address of this machine", listen],
    ["example.org:80", "this is not an IP address of this machine", listen],
    ["010.0.0.1:80", "this is not an IP address of this machine", listen],
    ["10.1:80", "this is not an IP address of this machine", listen],
    ["127.0.0.1:", "the port is wrong", "a number from 0 to 65535", 10],
    ["127.0.0.1:65536", "the port is wrong", "a number from 0 to 65535", 10],
    ["127.0.0.1:+80", "the port is wrong", "a number from 0 to 65535", 10],
    ["127.0.0.1:80 ", "the port is wrong", "a number from 0 to 65535", 10],
    ["[::1]:http", "the port is wrong", "a number from 0 to 65535", 6],
    ["99999", "the port is wrong", "a number from 0 to 65535"],
    ["unix:", "this is not an absolute path of a file", path, 5],
    ["unix:proxy.sock", "this is not an absolute path of a file", path, 5],
    ["unix:/run/", "this is not an absolute path of a file", path, 5],
    ["unix:/run/\0", "the path has a control character", "a path without one", 5],
    ["unix:/run/a\nb", "the path has a control character", "a path without one", 5],
    [
      `unix:/${"é".repeat(51)}xy`,
      "the path has 105 bytes, and a Unix socket's has at most 103",
      "a shorter path",
      5,
    ],
  ];
  for (const [text, problem, expected, at] of wrong) {
    it(`is not ${JSON.stringify(text)}`, () => refuses(parseListen, text, problem, expected, at));
  }

  it("may have a path of 103 bytes", () => {
    const path = `/${"a".repeat(102)}`;
    assert.deepEqual(parseListen(`unix:${path}`), { path });
    const problem = "the path has 104 bytes, and a Unix socket's has at most 103";
    refuses(parseListen, `unix:${path}a`, problem, "a shorter path", 5);
  });

  it("is not a Unix socket where only TCP is served", () => {
    refuses(parseTcpListen, "unix:/run/a", "a Unix socket cannot be used here", tcpListen);
    refuses(parseTcpListen, "a:1", "this is not an IP address of this machine", tcpListen);
  });

  it("is local if only this machine reaches it", () => {
    const local = ["127.0.0.1:1", "127.255.0.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "unix:/a"];
    for (const text of local) assert.ok(isLocal(parseListen(text)), text);
    const others = ["0.0.0.0:1", "[::]:1", "10.127.0.1:1", "[fd00::1]:1", "[::7f00:1]:1"];
    for (const text of others) assert.ok(!isLocal(parseListen(text)), text);
  });
});

describe("a target", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(targets, (address) => {
        assert.deepEqual(parseTarget(formatSocketAddress(address)), address);
        assert.deepEqual(parseLocalTarget(formatSocketAddress(address)), address);
      }),
    );
    fc.assert(
      fc.property(sockets, (address) => {
        assert.deepEqual(parseLocalTarget(formatSocketAddress(address)), address);
      }),
    );
  });

  it("has a name as DNS has it", () => {
    assert.deepEqual(parseTarget("DB.Example.:5432"), { host: "db.example", port: 5432 });
    assert.deepEqual(parseTarget("_x.bücher.example:1"), {
      host: "_x.xn--bcher-kva.example",
      port: 1,
    });
    assert.equal(hostName("fe80::1%a"), undefined);
    assert.equal(hostName("a b"), undefined);
    assert.equal(hostName(""), undefined);
    assert.equal(hostName("10.0.0"), undefined);
    assert.equal(hostName("\u3002"), undefined);
  });

  const wrong: readonly (readonly [string, string, string, number?])[] = [
    ["db.example", "the port is missing", target],
    ["db.example:0", "the port is wrong", "a number from 1 to 65535", 11],
    ["db.example:postgres", "the port is wrong", "a number from 1 to 65535", 11],
    [":80", "this is neither a host name nor an IP address", target],
    ["10.0.0.256:80", "this is neither a host name nor an IP address", target],
    ["[fe80::1%eth0]:80", "this is neither a host name nor an IP address", target],
    ["a_b-.example:80", "this is neither a host name nor an IP address", target],
    ["fd00::1", "an IPv6 address must be in brackets", target],
    ["unix:/run/a", "the port is wrong", "a number from 1 to 65535", 5],
  ];
  for (const [text, problem, expected, at] of wrong) {
    it(`in the tunnel is not ${text}`, () => refuses(parseTarget, text, problem, expected, at));
  }
});
