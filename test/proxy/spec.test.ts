import assert from "node:assert/strict";
import fc from "fast-check";
import { WgBridgeError } from "../../src/errors.js";
import { formatSocketAddress } from "../../src/proxy/address.js";
import { formatExpose, formatForward } from "../../src/proxy/forward.js";
import { type CheckedProxySpec, type ProxySpec, proxySpec } from "../../src/proxy/spec.js";
import { allowed, exposes, forwards, listens, userLists } from "./arbitrary.js";
import { says } from "./problem.js";

const check = (given: unknown): CheckedProxySpec => proxySpec(given, () => "spec");

/** What a program may give, as this file's compilation checks. */
const example: ProxySpec = {
  socks5: [
    "127.0.0.1:1080",
    { path: "/run/socks.sock" },
    { listen: { host: "::", port: 1081 }, users: [{ user: "ann", password: "a" }] },
  ],
  http: [{ listen: "1080" }, { host: "::ffff:127.0.0.1", port: 8080 }],
  forward: [
    "5432=db.example:5432",
    { protocol: "udp", listen: "53", target: { host: "FD00::1", port: 53 } },
  ],
  expose: ["8080=localhost:3000", { port: 80, target: { path: "/run/web.sock" } }],
  users: [{ user: "bob", password: "b" }],
  allow: ["10.0.0.1/8", "*.Example.org"],
};

describe("the spec of a proxy", () => {
  it("may have texts or objects, and comes back in one spelling", () => {
    const bob = [{ user: "bob", password: "b" }];
    assert.deepEqual(check(example), {
      socks5: [
        { listen: { host: "127.0.0.1", port: 1080 }, users: bob },
        { listen: { path: "/run/socks.sock" }, users: bob },
        { listen: { host: "::", port: 1081 }, users: [{ user: "ann", password: "a" }] },
      ],
      http: [
        { listen: { host: "127.0.0.1", port: 1080 }, users: bob },
        { listen: { host: "127.0.0.1", port: 8080 }, users: bob },
      ],
      forward: [
        {
          protocol: "tcp",
          listen: { host: "127.0.0.1", port: 5432 },
          target: { host: "db.example", port: 5432 },
        },
        {
          protocol: "udp",
          listen: { host: "127.0.0.1", port: 53 },
          target: { host: "fd00::1", port: 53 },
        },
      ],
      expose: [
        { protocol: "tcp", port: 8080, target: { host: "localhost", port: 3000 } },
        { protocol: "tcp", port: 80, target: { path: "/run/web.sock" } },
      ],
      allow: ["10.0.0.0/8", "*.example.org"],
    });
  });

  it("may be empty", () => {
    const nothing = { socks5: [], http: [], forward: [], expose: [] };
    assert.deepEqual(check({}), nothing);
    assert.deepEqual(check({ allow: [] }), { ...nothing, allow: [] });
    const own = { listen: "1080", users: [] };
    const users = [{ user: "ann", password: "a" }];
    assert.deepEqual(check({ socks5: [own], users }).socks5[0]?.users, []);
  });

  it("means the same when it is checked, printed or sent as JSON, and checked again", () => {
    const listeners = fc.array(fc.tuple(listens, userLists), { maxLength: 2 });
    const some = <T>(one: fc.Arbitrary<T>) => fc.array(one, { maxLength: 2 });
    fc.assert(
      fc.property(
        fc.tuple(listeners, listeners, some(forwards), some(exposes), some(allowed), userLists),
        ([socks5, http, forward, expose, allow, users]) => {
          const withUsers = ([listen, users]: (typeof socks5)[number]) => ({
            listen: formatSocketAddress(listen),
            users,
          });
          const given: ProxySpec = {
            socks5: socks5.map(withUsers),
            http: http.map(([listen]) => listen),
            forward: forward.map(formatForward),
            expose: expose.map(formatExpose),
            allow,
            users,
            open: true,
          };
          let checked: CheckedProxySpec;
          try {
            checked = check(given);
          } catch (error) {
            // Some of them ask for one address twice.
            assert.match(String(error), /(?:listens on|has port) .* already\./);
            return;
          }
          assert.deepEqual(checked, {
            socks5: socks5.map(([listen, users]) => ({ listen, users })),
            http: http.map(([listen]) => ({ listen, users })),
            forward,
            expose,
            allow,
          });
          assert.deepEqual(check({ ...checked, open: true }), checked);
          assert.deepEqual(JSON.parse(JSON.stringify(checked)), checked);
        },
      ),
    );
  });

  const addressExpected =
    "ADDRESS:PORT, such as 127.0.0.1:1080 or [::1]:1080, a port alone for 127.0.0.1, or unix:PATH";
  const shapeExpected = 'an address, as "127.0.0.1:1080" or { host, port }, or { path }';
  const wrong: readonly (readonly [unknown, string])[] = [
    [undefined, "spec is missing: give an object."],
    ["1080", 'spec is "1080": give an object.'],
    [{ socks: [] }, 'spec has no field "socks": did you mean "socks5"?'],
    [{ socks5: "1080" }, 'spec.socks5 is "1080": give an array.'],
    [{ socks5: [1080] }, `spec.socks5[0] is 1080: give ${shapeExpected}.`],
    [{ http: ["80", null] }, `spec.http[1] is null: give ${shapeExpected}.`],
    [
      { socks5: ["10.0.0.1"] },
      `spec.socks5[0] is "10.0.0.1": the port is missing. Give ${addressExpected}.`,
    ],
    [
      { socks5: [{ host: "example.org", port: 80 }] },
      `spec.socks5[0] is "example.org:80": this is not an IP address of this machine. Give ${addressExpected}.`,
    ],
    [
      { socks5: [{ host: "::1" }] },
      "spec.socks5[0].port is missing: give a whole number from 0 to 65535.",
    ],
    [
      { socks5: [{ host: "::1", port: 65_536 }] },
      "spec.socks5[0].port is 65536: give a whole number from 0 to 65535.",
    ],
    [
      { socks5: [{ path: "run" }] },
      'spec.socks5[0].path is "run": this is not an absolute path of a file. Give an absolute path, such as unix:/run/user/1000/proxy.sock.',
    ],
    [
      { socks5: [{ path: "/run/a", port: 1 }] },
      'spec.socks5[0] has no field "port": there are path.',
    ],
    [{ socks5: [{ listen: 5 }] }, `spec.socks5[0].listen is 5: give ${shapeExpected}.`],
    [
      { forward: [{ listen: "80", target: { host: "db", port: 0 } }] },
      'spec.forward[0].target is "db:0": the port is wrong. Give a number from 1 to 65535.',
    ],
    [
      { forward: [{ listen: "80", target: "db:1", protocol: "sctp" }] },
      'spec.forward[0].protocol is "sctp": give "tcp" or "udp".',
    ],
    [
      { forward: [{ listen: "unix:/run/a", target: "db:1", protocol: "udp" }] },
      'spec.forward[0].listen is "unix:/run/a": UDP does not go through a Unix socket. Give an address and a port.',
    ],
    [
      { forward: ["80"] },
      'spec.forward[0] is "80": there is no equals sign. Give LISTEN=HOST:PORT, such as 127.0.0.1:5432=db.example:5432, or LISTEN=HOST:PORT/udp.',
    ],
    [
      { expose: [{ port: 0, target: "localhost:1" }] },
      "spec.expose[0].port is 0: give a whole number from 1 to 65535.",
    ],
    [
      { expose: [{ port: 53, target: "unix:/run/a", protocol: "udp" }] },
      'spec.expose[0].target is "unix:/run/a": UDP does not go through a Unix socket. Give an address and a port.',
    ],
    [
      { allow: ["10/8"] },
      'spec.allow[0] is "10/8": this is neither a prefix nor a host name. Give a prefix such as 10.0.0.0/8, a name such as db.example.org, or *.example.org for all names below it.',
    ],
    [{ open: "yes" }, 'spec.open is "yes": give true or false.'],
    [
      { users: ["ann:hunter2"] },
      "spec.users[0] is not an object: give an object { user, password }.",
    ],
    [{ users: [{ user: "ann" }] }, "spec.users[0].password is missing: give a string."],
    [
      { users: [{ user: "ann", password: 4711 }] },
      "spec.users[0].password is not a string: give a string.",
    ],
    [
      { users: [{ user: "ann", password: "" }] },
      "spec.users[0] is not a user: the password is empty. Give a password of 1 to 255 bytes without control characters.",
    ],
    [
      { users: [{ user: "an:n", password: "hunter2" }] },
      "spec.users[0] is not a user: the user name has a colon. Give one without a colon.",
    ],
    [
      { users: [{ user: "#ann", password: "hunter2" }] },
      'spec.users[0] is not a user: the user name begins with "#", which begins a comment in a file of users. Give another name.',
    ],
    [
      {
        users: [
          { user: "ann", password: "a" },
          { user: "ann", password: "b" },
        ],
      },
      "spec.users[1] has the name of an earlier user: give each user one password.",
    ],
    [
      { socks5: ["0.0.0.0:1080"] },
      "spec.socks5[0]: 0.0.0.0:1080 is not a loopback address, and everybody who reaches it could use the tunnel, since it has no users. Give users, a loopback address, or open: true.",
    ],
    [
      { http: [{ listen: "[::]:8080", users: [] }], users: [{ user: "ann", password: "a" }] },
      "spec.http[0]: [::]:8080 is not a loopback address, and everybody who reaches it could use the tunnel, since it has no users. Give users, a loopback address, or open: true.",
    ],
    [
      { forward: ["10.0.0.9:80=web:80"], users: [{ user: "ann", password: "a" }] },
      "spec.forward[0]: 10.0.0.9:80 is not a loopback address, and everybody who reaches it could use this forward. Give a loopback address, or open: true.",
    ],
    [
      { socks5: ["1080", "localhost:1080"] },
      "spec.socks5[1]: spec.socks5[0] listens on 127.0.0.1:1080 already. Give another address.",
    ],
    [
      { socks5: ["1080"], http: ["1080"], forward: ["1080=web:80"] },
      "spec.forward[0]: spec.socks5[0] listens on 127.0.0.1:1080 already. Give another address.",
    ],
    [
      { http: ["unix:/run/a"], forward: ["unix:/run/a=web:80"] },
      "spec.forward[0]: spec.http[0] listens on unix:/run/a already. Give another address.",
    ],
    [
      { expose: ["80=localhost:1", "80/udp=localhost:2", "80=localhost:3"] },
      "spec.expose[2]: spec.expose[0] has port 80 of the tunnel already. Give another port.",
    ],
  ];
  for (const [given, message] of wrong) {
    it(`is refused: ${message.slice(0, 90)}`, () => {
      assert.throws(() => check(given), says("WG_BRIDGE_VALUE", message));
    });
  }

  it("is refused with a sentence, whatever else it is", () => {
    const word = fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.stringMatching(
        /^[0-9a-f:.[\]]{0,12}(:\d{0,6})?(=[a-z.*]{0,8}:?\d{0,6})?(\/(udp|tcp|x))?$/,
      ),
      fc.constantFrom("unix:", "unix:/a", "::1", "127.0.0.1:1080", "5432=db:5432", "80=unix:/w"),
    );
    const junk = fc.oneof(word, fc.array(word, { maxLength: 3 }), fc.anything({ maxDepth: 2 }));
    const fields = fc.record(
      {
        socks5: junk,
        http: junk,
        forward: junk,
        expose: junk,
        users: junk,
        allow: junk,
        open: junk,
        hostDns: junk,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fields, fc.anything()), (given) => {
        try {
          const spec = check(given);
          assert.deepEqual(check(spec), spec);
        } catch (error) {
          assert.ok(error instanceof WgBridgeError, String(error));
          assert.equal(error.code, "WG_BRIDGE_VALUE");
          assert.ok(error.message.length < 1000);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("may open to everybody what is wanted so, and share what can be shared", () => {
    const users = [{ user: "ann", password: "a" }];
    check({ socks5: ["0.0.0.0:1080"], http: ["0.0.0.0:1080"], users });
    check({ socks5: ["0.0.0.0:1080"], forward: ["[::]:80=web:80"], open: true });
    check({ socks5: ["0", "0"], forward: ["53=a:53", "53=a:53/udp"] });
    check({ expose: ["53=a:53", "53/udp=a:53"], socks5: ["53"] });
  });

  it("is a copy", () => {
    const users = [{ user: "ann", password: "a" }];
    const given = { socks5: [{ listen: { host: "::1", port: 1080 }, users }] };
    const checked = check(given);
    users.push({ user: "bob", password: "b" });
    assert.equal(checked.socks5[0]?.users.length, 1);
  });

  it("is never described with a password", () => {
    const secret = "hunter2hunter2";
    const values = fc.constantFrom<unknown>(secret, "", "a\tb", 5, null, undefined, ["a"], {});
    fc.assert(
      fc.property(
        values,
        values,
        fc.constantFrom("password", "pasword"),
        fc.boolean(),
        (user, password, name, own) => {
          const users = [{ user, [name]: password, password: secret }];
          try {
            check(own ? { socks5: [{ listen: "0.0.0.0:1", users }] } : { users });
          } catch (error) {
            assert.ok(error instanceof WgBridgeError);
            assert.ok(!error.message.includes(secret), error.message);
          }
        },
      ),
    );
  });
});
