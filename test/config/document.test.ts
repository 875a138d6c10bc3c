import assert from "node:assert/strict";
import fc from "fast-check";
import { ConfigDocument } from "../../src/config/document.js";
import { formatConfig } from "../../src/config/format.js";
import { WgBridgeError } from "../../src/errors.js";
import { allowedIp } from "../../src/values/allowed-ip.js";
import { publicKeyFromBytes } from "../../src/values/key.js";
import { configs } from "./arbitrary.js";

const [one, two, three] = [1, 2, 3].map((n) => publicKeyFromBytes(Buffer.alloc(32, n)));

const text = `# the office
[Interface]
listenport=1 # ours
Address = 10.0.0.1/24

# Ann
[Peer]
PublicKey = ${one}
AllowedIPs = 10.0.0.2/32

# Bob, on the road
[Peer]
PublicKey = ${two}
# AllowedIPs = 10.9.9.9/32
AllowedIPs = 10.0.0.3/32
AllowedIPs = 10.0.0.4/32 # his telephone
`;

describe("a configuration file that is edited", () => {
  it("stays the same, byte for byte, until it is edited", () => {
    assert.equal(ConfigDocument.parse(text).toString(), text);
    const decorated = fc.tuple(
      configs.map(formatConfig),
      fc.constantFrom("", "\n", "# end", "\r\n", "  \t\n"),
      fc.boolean(),
    );
    fc.assert(
      fc.property(decorated, ([plain, tail, windows]) => {
        const decoratedText = (windows ? plain.replaceAll("\n", "\r\n") : plain) + tail;
        assert.equal(ConfigDocument.parse(decoratedText).toString(), decoratedText);
      }),
    );
  });

  function edit(change: (document: ConfigDocument) => void, from = text): string {
    const document = ConfigDocument.parse(from);
    change(document);
    return document.toString();
  }

  it("keeps the spelling, place and comment of a field that gets another value", () => {
    const edited = edit((document) => document.setInterface("ListenPort", "2"));
    assert.equal(edited, text.replace("listenport=1 # ours", "listenport=2 # ours"));
  });

  it("gets a new field after the last one of its section", () => {
    const edited = edit((document) => document.setInterface("mtu", "1400"));
    assert.equal(edited, text.replace("10.0.0.1/24\n", "10.0.0.1/24\nMTU = 1400\n"));
  });

  it("loses all lines of a field that is set to nothing", () => {
    assert.ok(two !== undefined);
    const edited = edit((document) => document.setPeer(two, "AllowedIPs"));
    const kept = text.split("\n").filter((line) => !/^AllowedIPs = 10\.0\.0\.[34]/.test(line));
    assert.equal(edited, kept.join("\n"));
  });

  it("gets one line for each value of a field", () => {
    assert.ok(one !== undefined);
    const edited = edit((document) => document.setPeer(one, "AllowedIPs", "10.1.0.0/16", "::/0"));
    const lines = "AllowedIPs = 10.1.0.0/16\nAllowedIPs = ::/0";
    assert.equal(edited, text.replace("AllowedIPs = 10.0.0.2/32", lines));
  });

  it("loses a removed peer with its comment, and keeps the comment of the next peer", () => {
    assert.ok(one !== undefined);
    const edited = edit((document) => document.removePeer(one));
    const lost = `# Ann\n[Peer]\nPublicKey = ${one}\nAllowedIPs = 10.0.0.2/32\n\n`;
    assert.equal(edited, text.replace(lost, ""));
  });

  it("gets a new peer at its end, with the line ends of the file", () => {
    assert.ok(three !== undefined);
    const peer = { publicKey: three, allowedIps: [allowedIp("10.0.0.9")] };
    const added = `\n[Peer]\nPublicKey = ${three}\nAllowedIPs = 10.0.0.9/32\n`;
    assert.equal(
      edit((document) => document.addPeer(peer)),
      text + added,
    );
    const windows = text.replaceAll("\n", "\r\n");
    const edited = edit((document) => document.addPeer(peer), windows);
    assert.equal(edited, windows + added.replaceAll("\n", "\r\n"));
  });

  it("ends with a line end only if it did before", () => {
    assert.ok(two !== undefined && three !== undefined);
    const peer = { publicKey: three, allowedIps: [] };
    const open = text.trimEnd();
    const edits: readonly ((document: ConfigDocument) => void)[] = [
      (document) => document.addPeer(peer),
      (document) => document.removePeer(two),
      (document) => document.setPeer(two, "PersistentKeepalive", "9"),
      (document) => document.setPeer(two, "AllowedIPs"),
    ];
    for (const change of edits) assert.equal(`${edit(change, open)}\n`, edit(change));
  });

  it("is the same again after an added peer is removed, unless it ended with a blank line", () => {
    assert.ok(three !== undefined);
    const peer = { publicKey: three, allowedIps: [] };
    const texts = fc
      .tuple(configs.map(formatConfig), fc.constantFrom("", "# end\n"), fc.boolean(), fc.boolean())
      .map(([plain, tail, open, windows]) => {
        const ended = open ? (plain + tail).trimEnd() : plain + tail;
        return windows ? ended.replaceAll("\n", "\r\n") : ended;
      });
    fc.assert(
      fc.property(texts, (before) => {
        const document = ConfigDocument.parse(before);
        document.addPeer(peer);
        assert.notEqual(document.toString(), before);
        document.removePeer(three);
        assert.equal(document.toString(), before);
      }),
    );
  });

  it("keeps the comment of each line if a field gets other values", () => {
    assert.ok(two !== undefined);
    const edited = edit((document) =>
      document.setPeer(two, "AllowedIPs", "10.2.0.0/16", "10.3.0.0/16", "::/0"),
    );
    const lines = "AllowedIPs = 10.2.0.0/16\nAllowedIPs = 10.3.0.0/16 # his telephone";
    const before = "AllowedIPs = 10.0.0.3/32\nAllowedIPs = 10.0.0.4/32 # his telephone";
    assert.equal(edited, text.replace(before, `${lines}\nAllowedIPs = ::/0`));
  });

  it("says what was set, even if a section is there twice", () => {
    assert.ok(one !== undefined);
    const twice = `${text}[Interface]\nListenPort = 3\n[Peer]\nPublicKey = ${one}\n`;
    const document = ConfigDocument.parse(twice);
    document.setInterface("ListenPort", "4");
    document.setPeer(one, "AllowedIPs", "10.1.0.0/16");
    assert.equal(document.config.listenPort, 4);
    assert.deepEqual(document.config.peers.find(({ publicKey }) => publicKey === one)?.allowedIps, [
      "10.1.0.0/16",
    ]);
    document.removePeer(one);
    assert.ok(!document.toString().includes(one));
  });

  it("gets an [Interface] if it has none", () => {
    assert.ok(one !== undefined);
    const peer = `# Ann\n[Peer]\nPublicKey = ${one}\n`;
    const edited = edit(
      (document) => document.setInterface("ListenPort", "1"),
      `# mine\n\n${peer}`,
    );
    assert.equal(edited, `# mine\n\n[Interface]\nListenPort = 1\n\n${peer}`);
    assert.equal(
      edit((document) => document.setInterface("MTU", "1400"), ""),
      "[Interface]\nMTU = 1400\n",
    );
  });

  it("stays the same if an edit would make it unreadable", () => {
    const document = ConfigDocument.parse(text);
    for (const value of ["70000", "1\n[Peer]", "1\nMTU = 1400", "1 # two", "", "1 "]) {
      assert.throws(() => document.setInterface("ListenPort", value), WgBridgeError);
      assert.equal(document.toString(), text);
    }
    assert.throws(() => document.setInterface("Colour", "red"), WgBridgeError);
    assert.ok(one !== undefined && three !== undefined);
    assert.throws(() => document.removePeer(three), WgBridgeError);
    const again = { publicKey: one, allowedIps: [] };
    assert.throws(() => document.addPeer(again), WgBridgeError);
    assert.throws(() => document.setPeer(one, "PublicKey"), WgBridgeError);
    assert.equal(document.toString(), text);
  });
});
