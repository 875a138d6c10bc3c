import assert from "node:assert/strict";
import fc from "fast-check";
import { formatUsers, parsePassword, parseUsers } from "../../src/proxy/users.js";
import { userLists, users } from "./arbitrary.js";

describe("a file of users", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(userLists, (list) => {
        if (list.length > 0) assert.deepEqual(parseUsers(formatUsers(list)), list);
      }),
    );
  });

  it("may have comments, empty lines, Windows line ends, and colons and spaces in passwords", () => {
    assert.deepEqual(parseUsers("# who\r\nann: a:b \r\n\r\n bob:#c"), [
      { user: "ann", password: " a:b " },
      { user: " bob", password: "#c" },
    ]);
  });

  const credential = "ab".repeat(128);
  const wrong: readonly (readonly [string, number, string])[] = [
    ["", 1, "the file names no user"],
    ["# nobody\n\n", 1, "the file names no user"],
    ["ann:a\nhunter2\n", 2, "there is no colon between a user and a password"],
    [":hunter2", 1, "the user name is empty"],
    ["ann:", 1, "the password is empty"],
    ["ann:a\nbob:b\nann:c", 3, "an earlier line has the same user"],
    [`${credential}:a`, 1, "the user name has 256 bytes"],
    [`ann:${"é".repeat(128)}`, 1, "the password has 256 bytes"],
    ["an\tn:a", 1, "the user name has a control character"],
    ["ann:a\0", 1, "the password has a control character"],
  ];
  for (const [text, line, problem] of wrong) {
    it(`is refused: ${problem}, in line ${line} of ${JSON.stringify(text.slice(0, 24))}`, () => {
      assert.deepEqual(parseUsers(text), { line, problem });
    });
  }

  it("is never repeated in a problem", () => {
    const secret = "hunter2";
    const piece = fc.constantFrom(secret, ":", "\n", "#", "\t", "ann", secret.repeat(40));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const read = parseUsers(pieces.join(""));
        if ("problem" in read) assert.ok(!read.problem.includes(secret), read.problem);
      }),
    );
  });
});

describe("a file with a password", () => {
  it("may end with a line break", () => {
    fc.assert(
      fc.property(users, fc.constantFrom("", "\n", "\r\n"), ({ password }, end) => {
        assert.equal(parsePassword(password + end), password);
      }),
    );
  });

  const wrong: readonly (readonly [string, number, string])[] = [
    ["", 1, "the password is empty"],
    ["\n", 1, "the password is empty"],
    ["a\nb", 2, "the file has more than one line"],
    ["a\n\n", 2, "the file has more than one line"],
    ["a\tb", 1, "the password has a control character"],
  ];
  for (const [text, line, problem] of wrong) {
    it(`is refused: ${JSON.stringify(text)}`, () => {
      assert.deepEqual(parsePassword(text), { line, problem });
    });
  }
});
