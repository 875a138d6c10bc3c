import assert from "node:assert/strict";
import fc from "fast-check";
import type { Config } from "../../src/config/config.js";
import { ConfigError } from "../../src/config/diagnostic.js";
import { formatConfig } from "../../src/config/format.js";
import { checkConfig, parseConfig } from "../../src/config/parse.js";
import { WgBridgeError } from "../../src/errors.js";
import { publicKey } from "../../src/values/key.js";
import { reveal } from "../uapi/reveal.js";
import { configs } from "./arbitrary.js";

const key = `${"A".repeat(42)}E=`;
const other = `${"A".repeat(42)}I=`;

describe("a configuration", () => {
  it("is read back as it was written", () => {
    fc.assert(
      fc.property(configs, (config) => {
        assert.deepEqual(reveal(parseConfig(formatConfig(config))), reveal(config));
      }),
    );
  });

  it("is read as people write it", () => {
    const text = `# mine
[interface]
  privatekey=${key} # secret
ADDRESS = 10.0.0.2/24,10.0.0.3/24
Address = fd00::2/64
DNS = 10.0.0.1, home.example
PostUp = echo "%i is up"; true
FwMark = 0x1F
SaveConfig = true\r
[PEER]
PublicKey = ${key}
AllowedIPs = 10.0.0.0/24
[Peer]
PublicKey = ${other}
AllowedIPs = 10.0.0.7, fd00::7/64
Endpoint = vpn.example.org:51820
PersistentKeepalive = off`;
    const config = parseConfig(text);
    assert.equal(config.privateKey?.toBase64(), key);
    assert.deepEqual(config.addresses, ["10.0.0.2/24", "10.0.0.3/24", "fd00::2/64"]);
    assert.deepEqual(config.dns, ["10.0.0.1", "home.example"]);
    assert.deepEqual(config.postUp, ['echo "%i is up"; true']);
    assert.equal(config.fwmark, 31);
    assert.equal(config.saveConfig, true);
    assert.deepEqual(config.peers[0]?.allowedIps, ["10.0.0.0/24"]);
    assert.deepEqual(config.peers[1]?.allowedIps, ["10.0.0.7/32", "fd00::/64"]);
    assert.deepEqual(config.peers[1]?.endpoint, { host: "vpn.example.org", port: 51_820 });
    assert.equal(config.peers[1]?.persistentKeepalive, "off");
  });

  it("with two sections of one peer means what it means to wg", () => {
    const fields = `PresharedKey = ${other}\nEndpoint = 192.0.2.1:5\nAllowedIPs = 10.0.0.0/24\n`;
    const first = `[Peer]\nPublicKey = ${key}\n${fields}`;
    const second = `[Peer]\nPublicKey = ${key}\nPersistentKeepalive = 9\nAllowedIPs = 10.1.0.0/24\n`;
    assert.deepEqual(reveal(parseConfig(first + second).peers), [
      {
        publicKey: key,
        presharedKey: other,
        endpoint: { host: "192.0.2.1", port: 5 },
        persistentKeepalive: 9,
        allowedIps: ["10.1.0.0/24"],
      },
    ]);
    // An allowed IP belongs to the last peer that lists it.
    const between = `[Peer]\nPublicKey = ${other}\nAllowedIPs = 10.1.0.0/24\n`;
    const { peers } = parseConfig(first + between + second);
    assert.deepEqual(
      peers.map(({ publicKey: name }) => name),
      [other, key],
    );
  });

  it("has no key if the file has one of zeros", () => {
    const zeros = `${"A".repeat(43)}=`;
    const text = `[Interface]\nPrivateKey = ${zeros}\n[Peer]\nPublicKey = ${key}\nPresharedKey = ${zeros}\n`;
    assert.deepEqual(parseConfig(text).peers, [{ publicKey: key, allowedIps: [] }]);
    assert.equal("privateKey" in parseConfig(text), false);
  });

  it("spells its endpoints as the engine does", () => {
    for (const [written, host] of [
      ["[2001:DB8:0::1]:5", "2001:db8::1"],
      ["2001:db8::1:5", "2001:db8::1"],
      ["[::ffff:192.0.2.1]:5", "192.0.2.1"],
      ["[192.0.2.1]:00005", "192.0.2.1"],
      ["fe80::0:1%eth0:5", "fe80::1%eth0"],
      ["[vpn.example.org]:5", "vpn.example.org"],
    ]) {
      const text = `[Peer]\nPublicKey = ${key}\nEndpoint = ${written}\n`;
      assert.deepEqual(parseConfig(text).peers[0]?.endpoint, { host, port: 5 }, written);
    }
  });

  it("is not written if it could not be read back", () => {
    const empty = parseConfig("");
    const wrong: readonly Partial<Config>[] = [
      { postUp: ["true\nPreUp = false"] },
      { postUp: ["echo '#'"] },
      { postUp: [" true"] },
      { postUp: [""] },
      { dns: ["10.0.0.1\nPostUp = false"] },
      { dns: ["10.0.0.1, 10.0.0.2"] },
      { addresses: ["10.0.0.1/24 10.0.0.2/24"] },
      { table: "1\n" },
      {
        peers: [{ publicKey: publicKey(key), allowedIps: [], endpoint: { host: "a\nb", port: 1 } }],
      },
    ];
    for (const part of wrong) {
      assert.throws(() => formatConfig({ ...empty, ...part }), WgBridgeError, JSON.stringify(part));
    }
  });

  const mistakes: readonly (readonly [string, number, number, RegExp, RegExp])[] = [
    ["[Interface]\nListenPort = 70000", 2, 14, /ListenPort/, /65535/],
    ["[Interface]\nColour = red", 2, 1, /no field Colour/, /PrivateKey, ListenPort/],
    ["ListenPort = 1", 1, 1, /not in a section/, /\[Interface\]/],
    ["[Interfaces]", 1, 1, /no such section/, /\[Peer\]/],
    ["[Interface]\n  MTU=12", 2, 7, /MTU/, /68 to 65535/],
    ["[Peer]\nAllowedIPs = 10.0.0.0/24", 1, 1, /no public key/, /PublicKey/],
    [`[Peer]\nPublicKey = ${key}\nAllowedIPs = 10.0.0.0/40`, 3, 14, /AllowedIPs/, /prefixes/],
    [`[Peer]\nPublicKey = ${key}\nEndpoint = here`, 3, 12, /Endpoint/, /a port/],
    ["[Interface]\nPrivateKey = AAAA", 2, 14, /PrivateKey cannot be read$/, /44 characters/],
    ["[Interface]\nAddress = 10.0.0.1/24, 10.0.0.2/24/8", 2, 24, /Address/, /addresses/],
    [`[Peer]\nPublicKey = ${key}\nAllowedIPs = ::/0,  10.0.0.x`, 3, 21, /AllowedIPs/, /prefixes/],
    ["[Interface]\nAddress = 10.0.0.1/33", 2, 11, /Address/, /addresses/],
    ["\ufeff[Interface]\nListenPort = 5", 1, 1, /a byte order mark \(U\+FEFF\)$/, /UTF-8 without/],
    ["[Interface]\nListenPort = 5\u00a0", 2, 15, /a no-break space \(U\+00A0\)$/, /a space/],
    ["[Interface]\nListenPort\u00a0= 5", 2, 11, /a no-break space/, /or nothing/],
    ["[Interface\u200b]", 1, 11, /a zero-width space \(U\+200B\)/, /or nothing/],
    ["[Interface]\n\u00a0", 2, 1, /a no-break space/, /or nothing/],
    ["[Interface]\nDNS = 10.0.0.53,\u00a0home", 2, 17, /a no-break space/, /or nothing/],
    [
      "[Interface]\nListenPort = \u001b[2J5",
      2,
      14,
      /an invisible character \(U\+001B\)/,
      /nothing/,
    ],
    ["[Interface]\nPostUp = true\0", 2, 14, /a NUL \(U\+0000\)$/, /nothing/],
    ["[Interface]\nListenPort = 51\u0000820", 2, 16, /a NUL/, /nothing/],
    ["[Interface]\nAddress = 10.0.0.1/255.0.255.0", 2, 11, /Address cannot be read/, /addresses/],
    ["[Interface]\nPrivate\u212aey = 5", 2, 1, /no field in/, /PrivateKey/],
    ["[Interface]\nM TU = 1400", 2, 1, /no field/, /MTU/],
    ["[ Interface ]\nMTU = 1400", 2, 1, /white space/, /\[Interface\]/],
    ["[Interface]\nSaveConfig = yes", 2, 14, /SaveConfig/, /"true"/],
    ["[Interface]\njust words", 2, 1, /neither a section nor a field/, /Key = Value/],
  ];
  const files = [Buffer.from("[Interface]\r\nListenPort = 5\r\n", "utf16le")].flatMap((little) => {
    const big = Buffer.from(little).swap16();
    return [little, big, Buffer.from([0xff, 0xfe, ...little]), Buffer.from([0xfe, 0xff, ...big])];
  });
  for (const file of files) {
    it(`is recognised as UTF-16: ${file.toString("hex", 0, 4)}`, () => {
      for (const given of [file, file.toString()]) {
        const [only, ...others] = checkConfig(given);
        assert.deepEqual(others, []);
        assert.match(only?.problem ?? "", /this file is UTF-16/);
      }
    });
  }

  it("may have invisible characters in comments and in commands", () => {
    const text = "# \u00a0\0\ufeff\u001b\n[Interface] # \0\nPostUp = echo '\u00a0'\n";
    assert.deepEqual(parseConfig(text).postUp, ["echo '\u00a0'"]);
  });

  it("is read from bytes as well as from text", () => {
    assert.equal(parseConfig(Buffer.from("[Interface]\nListenPort = 5\n")).listenPort, 5);
  });

  for (const [text, line, column, problem, expected] of mistakes) {
    it(`is refused with the place and what is expected: ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => parseConfig(text),
        (error) => {
          assert.ok(error instanceof ConfigError);
          assert.deepEqual([error.line, error.column], [line, column]);
          assert.match(error.problem, problem);
          assert.match(error.expected, expected);
          assert.equal(error.code, "WG_BRIDGE_CONFIG");
          return true;
        },
      );
    });
  }

  it("is refused with all its problems, in order, and without repeating a key", () => {
    const text = `${key}\n[Interface]\nPrivateKey = ${key}x\n${key}\n${key} = 1\n[${key}]\n[Peer]\nEndpoint = ${key}\nAllowedIPs = ${key}\n`;
    const diagnostics = checkConfig(text);
    assert.deepEqual(
      diagnostics.map(({ line }) => line),
      [1, 3, 4, 5, 6, 7, 8, 9],
    );
    assert.ok(!JSON.stringify(diagnostics).includes(key.slice(0, 20)));
  });

  it("is read or refused with a ConfigError, whatever it contains", () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom("[Interface]", "[Peer]", "#", `PublicKey = ${key}`, "AllowedIPs = ::/0"),
      fc
        .tuple(fc.constantFrom("Address", "MTU", "Endpoint", "PostUp", "Table", "DNS"), fc.string())
        .map(([name, value]) => `${name} = ${value}`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const text = lines.join("\n");
        const diagnostics = checkConfig(text);
        if (diagnostics.length === 0) parseConfig(text);
        else assert.throws(() => parseConfig(text), ConfigError);
      }),
      { numRuns: 500 },
    );
  });

  it("may have very long lines", () => {
    const long = 200_000;
    assert.equal(
      parseConfig(`[Interface]\nAddress = ${"10.0.0.1/32,".repeat(long)}`).addresses.length,
      long,
    );
    const spaces = " ".repeat(long);
    for (const text of [
      `MTU${spaces}x`,
      `x${spaces}=`,
      `[${spaces}x`,
      `[Interface]\nDNS =${spaces}x y`,
    ]) {
      assert.ok(checkConfig(text).length <= 1);
    }
    assert.equal(checkConfig(`[Peer]\nAllowedIPs = ${",".repeat(long)}`).length, 2);
  });

  it("may have 65,536 peers, or 130,560 allowed IPs in one line", () => {
    const peers = Array.from({ length: 65_536 }, (_, index) => {
      const bytes = Buffer.alloc(32, 1);
      bytes.writeUInt32BE(index);
      return `[Peer]\nPublicKey = ${bytes.toString("base64")}\n`;
    });
    assert.equal(parseConfig(peers.join("")).peers.length, 65_536);
    const ips = Array.from(
      { length: 130_560 },
      (_, index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    );
    const one = parseConfig(`[Peer]\nPublicKey = ${key}\nAllowedIPs = ${ips.join(", ")}\n`);
    assert.equal(one.peers[0]?.allowedIps.length, 130_560);
  });
});
