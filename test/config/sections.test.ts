import assert from "node:assert/strict";
import { ConfigDocument } from "../../src/config/document.js";
import { parseConfig } from "../../src/config/parse.js";
import { type PublicKey, publicKeyFromBytes } from "../../src/values/key.js";

// How programs write the peers in a server's file. Each piece belongs to one peer, or to none.

type Peer = (name: string, key: PublicKey, address: string) => string;

const fields = (key: PublicKey, address: string) => `[Peer]
PublicKey = ${key}
PresharedKey = ${Buffer.alloc(32, 9).toString("base64")}
AllowedIPs = ${address}/32
`;
const disabled = (text: string) =>
  text.replace(/^/gm, "#[disabled] ").replace(/#\[disabled\] $/, "");

const pivpn: Peer = (name, key, address) =>
  `### begin ${name} ###\n${fields(key, address)}### end ${name} ###\n`;
const nyr: Peer = (name, key, address) =>
  `# BEGIN_PEER ${name}\n${fields(key, address)}# END_PEER ${name}\n`;
const angristan: Peer = (name, key, address) => `\n### Client ${name}\n${fields(key, address)}`;
const wgEasy: Peer = (name, key, address) =>
  `\n\n# Client: ${name} (0b1c)\n${fields(key, address)}`;
const wireguardUi: Peer = (name, key, address) =>
  `# ID:           c0${name}\n# Name:         ${name}\n# Email:        \n# Created at:   2024-01-01 10:00:00 +0000 UTC\n# Update at:    2024-01-01 10:00:00 +0000 UTC\n${fields(key, address)}PersistentKeepalive = 15\n\n`;
const algo: Peer = (name, key, address) =>
  `\n${fields(key, address).replace("[Peer]", `[Peer]\n# ${name}`)}`;
const byHand: Peer = (name, key, address) =>
  `\n# ${name}'s telephone\n# bought in May\n[Peer]\nPublicKey = ${key}\n# AllowedIPs = 10.9.9.9/32\nAllowedIPs = ${address}/32 # the office\n# Endpoint = old.example:1\n`;
const commentedOut: Peer = (name, key, address) =>
  `\n# ${name} has left\n# [Peer]\n# PublicKey = ${key}\n# AllowedIPs = ${address}/32\n`;
const tight: Peer = (name, key, address) => `# ${name}\n${fields(key, address)}`;
const tightlyCommentedOut: Peer = (name, key, address) =>
  `# ${name}\n#[Peer]\n#PublicKey = ${key}\n#AllowedIPs = ${address}/32\n`;

const files: readonly (readonly [string, ...Peer[]])[] = [
  ["PiVPN", pivpn, pivpn, pivpn],
  ["PiVPN, with disabled clients", pivpn, (...peer) => disabled(pivpn(...peer)), pivpn],
  ["PiVPN, with a disabled client first", (...peer) => disabled(pivpn(...peer)), pivpn, pivpn],
  ["PiVPN, with a disabled client last", pivpn, pivpn, (...peer) => disabled(pivpn(...peer))],
  ["Nyr's wireguard-install", nyr, nyr, nyr],
  ["angristan's wireguard-install", angristan, angristan, angristan],
  ["wg-easy", wgEasy, wgEasy, wgEasy],
  ["wireguard-ui", wireguardUi, wireguardUi, wireguardUi],
  ["algo", algo, algo, algo],
  ["a person", byHand, byHand, byHand],
  ["a person, with a peer commented out", byHand, commentedOut, byHand],
  ["a person without gaps", tight, tightlyCommentedOut, tight],
  ["several programs", pivpn, byHand, nyr],
];
const names = ["ann", "bob", "end-user"];
const head = `# written by a program\n[Interface]\nPrivateKey = ${Buffer.alloc(32, 8).toString("base64")}\nListenPort = 51820\n`;
const keys = [1, 2, 3, 4].map((n) => publicKeyFromBytes(Buffer.alloc(32, n)));
const [, , , another] = keys;

describe("removing a peer from a file of", () => {
  for (const [program, ...peers] of files) {
    const pieces = peers.flatMap((peer, index) => {
      const [name, key] = [names[index], keys[index]];
      return name === undefined || key === undefined
        ? []
        : [peer(name, key, `10.0.0.${index + 2}`)];
    });
    const text = head + pieces.join("");

    it(`${program} removes all that belongs to it, and nothing else`, () => {
      for (const [index, piece] of pieces.entries()) {
        const key = keys[index];
        assert.ok(key !== undefined);
        if (!parseConfig(piece).peers.some(({ publicKey }) => publicKey === key)) continue;
        const document = ConfigDocument.parse(text);
        document.removePeer(key);
        // Blank lines belong to no peer.
        assert.equal(withoutGaps(document.toString()), withoutGaps(text.replace(piece, "")));
      }
    });

    it(`${program} removes nothing but the peer if it was added before`, () => {
      assert.ok(another !== undefined);
      const document = ConfigDocument.parse(text);
      document.addPeer({ publicKey: another, allowedIps: ["10.0.0.9"] });
      assert.ok(document.toString().startsWith(text));
      const lines = fields(another, "10.0.0.9").replace(/PresharedKey.*\n/, "");
      assert.ok(document.toString().endsWith(lines));
      document.removePeer(another);
      assert.equal(withoutGaps(document.toString()), withoutGaps(text));
    });
  }

  it("any program keeps a comment between blank lines", () => {
    const [one, two] = keys;
    assert.ok(one !== undefined && two !== undefined);
    const apart = "\n# --- the family ---\n\n";
    const text = head + fields(one, "10.0.0.2") + apart + fields(two, "10.0.0.3");
    for (const key of [one, two]) {
      const document = ConfigDocument.parse(text);
      document.removePeer(key);
      assert.ok(document.toString().includes("# --- the family ---\n"));
    }
  });
});

function withoutGaps(text: string): string {
  return text.replace(/\n{2,}/g, "\n").trimEnd();
}
