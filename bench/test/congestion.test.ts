import assert from "node:assert/strict";
import { congestionOf, congestionSentence, inherited, usual } from "../congestion.js";
import { someMachine } from "./fixtures.js";

describe("the congestion control of a leg", () => {
  const preferred = new Map([
    ["tcp", usual],
    ["ping-bbr", "bbr"],
    ["outside", inherited],
  ]);
  const legs = ["start", "tcp", "ping-bbr", "outside"];
  const choose = (offered: readonly string[], asked?: string) => {
    const machine = {
      ...someMachine,
      congestionControls: offered,
      congestionControl: offered[0] ?? "",
    };
    return congestionOf(legs, { preferred, asked, machine });
  };

  it("is CUBIC, whatever the machine uses, unless the leg has one of its own", () => {
    assert.deepEqual(choose(["bbr", "reno", "cubic"]), {
      tcp: "cubic",
      "ping-bbr": "bbr",
      outside: "bbr",
    });
  });

  it("is what --congestion asks for where the leg has none of its own", () => {
    const { tcp, outside, "ping-bbr": bbr } = choose(["cubic", "bbr", "reno"], "reno");
    assert.deepEqual([tcp, outside, bbr], ["reno", "cubic", "bbr"]);
  });

  it("is the machine's where the kernel does not offer CUBIC", () => {
    assert.equal(choose(["reno"]).tcp, "reno");
  });

  it("is said in one sentence, the most frequent first", () => {
    const leg = (id: string, congestion: string | null) => ({ id, congestion });
    assert.equal(
      congestionSentence([leg("a", "bbr"), leg("b", "cubic"), leg("c", null), leg("d", "cubic")]),
      "Congestion control of TCP: cubic; bbr in a.",
    );
    assert.equal(congestionSentence([leg("a", "reno")]), "Congestion control of TCP: reno.");
    assert.equal(congestionSentence([leg("c", null)]), undefined);
  });
});
