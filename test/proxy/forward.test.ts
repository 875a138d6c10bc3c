import assert from "node:assert/strict";
import fc from "fast-check";
import { parseAllowed } from "../../src/proxy/allow.js";
import { formatExpose, formatForward, parseExpose, parseForward } from "../../src/proxy/forward.js";
import { allowed, exposes, forwards } from "./arbitrary.js";
import { refuses } from "./problem.js";

const listen =
  "ADDRESS:PORT, such as 127.0.0.1:1080 or [::1]:1080, a port alone for 127.0.0.1, or unix:PATH";
const target = "HOST:PORT, such as db.example:5432 or [fd00::1]:5432";

describe("a forward", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(forwards, (forward) => {
        assert.deepEqual(parseForward(formatForward(forward)), forward);
      }),
    );
  });

  const spellings: readonly (readonly [string, string])[] = [
    ["5432=db.example:5432", "127.0.0.1:5432=db.example:5432"],
    ["53=10.0.0.1:53/udp", "127.0.0.1:53=10.0.0.1:53/udp"],
    ["[::1]:80=[fd00::1]:80/tcp", "[::1]:80=[fd00::1]:80"],
    ["unix:/run/a=b.sock=db:1", "unix:/run/a=b.sock=db:1"],
  ];
  for (const [text, canonical] of spellings) {
    it(`may be spelled ${text}`, () => {
      assert.equal(formatForward(parseForward(text)), canonical);
    });
  }

  const whole = "LISTEN=HOST:PORT, such as 127.0.0.1:5432=db.example:5432, or LISTEN=HOST:PORT/udp";
  const wrong: readonly (readonly [string, string, string, number?])[] = [
    ["127.0.0.1:5432", "there is no equals sign", whole],
    ["=db:1", "the port is missing", listen],
    ["80=", "the port is missing", target, 3],
    ["80=db", "the port is missing", target, 3],
    ["80=db:0", "the port is wrong", "a number from 1 to 65535", 6],
    ["80=db:1/sctp", "the port is wrong", "a number from 1 to 65535", 6],
    ["80/udp=db:1", "the port is missing", listen],
    ["unix:/run/a=db:53/udp", "UDP does not go through a Unix socket", "an address and a port"],
  ];
  for (const [text, problem, expected, at] of wrong) {
    it(`is not ${text}`, () => refuses(parseForward, text, problem, expected, at));
  }
});

describe("an exposed port", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(exposes, (expose) => {
        assert.deepEqual(parseExpose(formatExpose(expose)), expose);
      }),
    );
  });

  const spellings: readonly (readonly [string, string])[] = [
    ["8080=localhost:3000", "8080=localhost:3000"],
    ["53/udp=[::1]:5353", "53/udp=[::1]:5353"],
    ["80/tcp=unix:/run/a=b", "80=unix:/run/a=b"],
  ];
  for (const [text, canonical] of spellings) {
    it(`may be spelled ${text}`, () => {
      assert.equal(formatExpose(parseExpose(text)), canonical);
    });
  }

  const whole =
    "PORT=HOST:PORT, such as 8080=127.0.0.1:3000, PORT/udp=HOST:PORT, or PORT=unix:PATH";
  const path = "an absolute path, such as unix:/run/user/1000/proxy.sock";
  const wrong: readonly (readonly [string, string, string, number?])[] = [
    ["8080", "there is no equals sign", whole],
    ["0=localhost:1", "the port is wrong", "a number from 1 to 65535"],
    ["10.0.0.1:80=localhost:1", "the port is wrong", "a number from 1 to 65535"],
    ["80=localhost", "the port is missing", target, 3],
    ["80=localhost:1/udp", "the port is wrong", "a number from 1 to 65535", 13],
    ["80=unix:web.sock", "this is not an absolute path of a file", path, 8],
    ["80/udp=unix:/a", "UDP does not go through a Unix socket", "an address and a port"],
  ];
  for (const [text, problem, expected, at] of wrong) {
    it(`is not ${text}`, () => refuses(parseExpose, text, problem, expected, at));
  }
});

describe("what clients may reach", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(allowed, (one) => {
        assert.equal(parseAllowed(one), one);
      }),
    );
  });

  it("is normalised", () => {
    assert.equal(parseAllowed("10.0.0.9/8"), "10.0.0.0/8");
    assert.equal(parseAllowed("FD00::0:1"), "fd00::1/128");
    assert.equal(parseAllowed("DB.Example."), "db.example");
    assert.equal(parseAllowed("*.Bücher.Example"), "*.xn--bcher-kva.example");
  });

  const expected =
    "a prefix such as 10.0.0.0/8, a name such as db.example.org, or *.example.org for all names below it";
  for (const text of [
    "",
    "*",
    "*.",
    "*.10.0.0.1",
    "10.0.0.0/33",
    "10/8",
    "a b",
    "db:5432",
    "**.a",
  ]) {
    it(`is not ${JSON.stringify(text)}`, () => {
      refuses(parseAllowed, text, "this is neither a prefix nor a host name", expected);
    });
  }
});
