import assert from "node:assert/strict";
import { type IniContent, type IniField, readIniLine } from "../../../src/proxy/wireproxy/ini.js";

describe("a line of wireproxy's file", () => {
  const lines: readonly (readonly [string, IniContent])[] = [
    ["", { kind: "blank" }],
    [" \t", { kind: "blank" }],
    ["# a", { kind: "blank" }],
    ["  ; a = b", { kind: "blank" }],
    ["[Socks5]", { kind: "section", name: "Socks5", at: 0 }],
    [" [a]b] # c", { kind: "section", name: "a]b", at: 1 }],
    ["[Socks5", { kind: "unreadable", at: 0 }],
    ["Target", { kind: "unreadable", at: 0 }],
    [" = a", { kind: "unreadable", at: 1 }],
    ["Target=a:1", field("Target", "a:1", 7)],
    ["Target =", field("Target", "", 8)],
    ["  Target : a:1  ", field("Target", "a:1", 11, 2)],
    ["Target = a:1 # b", field("Target", "a:1", 9)],
    ["Target = a:1;b", field("Target", "a:1", 9)],
    ["Password = a b=c", field("Password", "a b=c", 11)],
    ['Password = "a b" ; c', field("Password", "a b", 12)],
    ["Password = 'a \"b'", field("Password", 'a "b', 12)],
    ['Password = "a"b"', field("Password", '"a"b"', 11)],
    ['Password = "', field("Password", '"', 11)],
    ["Password = `a#b;c\\` # d", field("Password", "a#b;c\\", 12)],
    ["Password = `a`b` c", field("Password", "a`b", 12)],
    ['Password = """a`#"b"""', field("Password", 'a`#"b', 14)],
    ["Password = `", unclosed("`")],
    ['Password = """', unclosed('"""')],
    ["Password = `a", unclosed("`a")],
    [
      "Password = a \\",
      {
        ...field("Password", "a \\", 11),
        wrong: { problem: "this line goes on in the next one", expected: "one line" },
      },
    ],
    [
      "Password = %(Username)s",
      {
        ...field("Password", "%(Username)s", 11),
        wrong: {
          problem: "this value refers to another one as %(name)s, which is not supported",
          expected: "the other value in its place",
        },
      },
    ],
  ];

  function field(key: string, value: string, valueAt: number, at = 0): IniField {
    return { kind: "field", key, value, at, valueAt };
  }

  function unclosed(value: string): IniContent {
    const problem = "this value does not end in its line";
    const wrong = { problem, expected: "the closing quote in the same line" };
    return { ...field("Password", value, 11), wrong };
  }

  for (const [line, content] of lines) {
    it(`is read: ${JSON.stringify(line)}`, () => assert.deepEqual(readIniLine(line), content));
  }
});
