import assert from "node:assert/strict";
import { openTunnel, PresharedKey, PrivateKey, publicKey } from "../../src/index.js";
import { assertNothingLeft, onlyInSandbox } from "../sandbox.js";
import { refused, secret, untyped } from "./refused.js";

const peer = publicKey("1f".repeat(32));

describe("the options of openTunnel", () => {
  onlyInSandbox();
  const wrong: readonly (readonly [unknown, string, RegExp])[] = [
    [undefined, "VALUE", /^options is missing: give an object/],
    ["wg0", "VALUE", /^options is "wg0": give an object/],
    [{}, "INTERFACE_NAME", /^options\.name is missing: give the name of an interface/],
    [{ name: 7 }, "INTERFACE_NAME", /^options\.name is 7:/],
    [{ name: "a b" }, "INTERFACE_NAME", /^options\.name: .*white space/],
    [{ name: "\u001b[2J/\u009b" }, "INTERFACE_NAME", /"\\u001b\[2J\/\\u009b"/],
    [{ name: "wgi0", adresses: [] }, "VALUE", /no field "adresses": did you mean "addresses"\?/],
    [{ name: "wgi0", colour: 1 }, "VALUE", /no field "colour": there are name, pollInterval/],
    [{ name: "wgi0", backend: "go" }, "BACKEND_UNKNOWN", /options\.backend is "go": give "auto"/],
    [{ name: "wgi0", library: "" }, "VALUE", /options\.library is "": give the path of a file/],
    [{ name: "wgi0", library: null }, "VALUE", /options\.library is null: give the path/],
    [{ name: "wgi0", executable: "a\0b" }, "VALUE", /options\.executable is "a\\u0000b": give/],
    [{ name: "wgi0", executable: new URL("file:///a") }, "VALUE", /executable is an object: give/],
    [{ name: "wgi0", mtu: "1420" }, "VALUE", /options\.mtu is "1420": give a whole number from 68/],
    [{ name: "wgi0", mtu: 1e9 }, "VALUE", /options\.mtu is 1000000000/],
    [{ name: "wgi0", listenPort: -1 }, "VALUE", /options\.listenPort is -1/],
    [{ name: "wgi0", logLevel: "debug" }, "VALUE", /logLevel is "debug": give "silent" or "error"/],
    [{ name: "wgi0", pollInterval: Number.NaN }, "VALUE", /pollInterval is NaN: give a whole/],
    [{ name: "wgi0", pollInterval: 2 ** 31 }, "VALUE", /pollInterval is 2147483648/],
    [{ name: "wgi0", resolve: true }, "VALUE", /resolve is true: give false, or an object/],
    [{ name: "wgi0", resolve: { interval: 0 } }, "VALUE", /resolve\.interval is 0/],
    [{ name: "wgi0", resolve: { lookup: "dns" } }, "VALUE", /resolve\.lookup is "dns"/],
    [{ name: "wgi0", restart: "yes" }, "VALUE", /restart is "yes": give true or false/],
    [
      { name: "wgi0", restart: { delays: 1 } },
      "VALUE",
      /options\.restart has no field "delays": did/,
    ],
    [{ name: "wgi0", restart: { attempts: "3" } }, "VALUE", /restart\.attempts is "3"/],
    [{ name: "wgi0", detached: "false" }, "VALUE", /detached is "false": give true or false/],
    [{ name: "wgi0", disable: "uso" }, "VALUE", /disable is "uso": give an array/],
    [
      { name: "wgi0", disable: ["gro"] },
      "FEATURE_UNKNOWN",
      /disable\[0\]: There is no feature "gro"/,
    ],
    [
      { name: "wgi0", signal: new AbortController() },
      "VALUE",
      /signal is an object: give an Abort/,
    ],
    [{ name: "wgi0", env: { PATH: 1 } }, "VALUE", /options\.env\.PATH is 1: give a string/],
    [
      { name: "wgi0", addresses: "10.0.0.1/24" },
      "VALUE",
      /addresses is "10.0.0.1\/24": give an array/,
    ],
    [{ name: "wgi0", addresses: ["10.0.0.1 dev lo"] }, "NETWORK", /options\.addresses\[0\]: /],
    [
      { name: "wgi0", addresses: [`${secret}A`] },
      "NETWORK",
      /"\(hidden\)" is not an interface address/,
    ],
  ];
  const wrongConfigs: readonly (readonly [unknown, string, RegExp])[] = [
    [{}, "VALUE", /options\.config\.peers is missing: give an array of peers, \[\] for none/],
    [[], "VALUE", /options\.config is an array: give an object/],
    [null, "VALUE", /options\.config is null/],
    [7, "VALUE", /options\.config is 7/],
    [Promise.resolve(""), "VALUE", /config is a promise, not what it resolves with/],
    [new ArrayBuffer(3), "VALUE", /config is a buffer/],
    ["/etc/wireguard/wg0.conf", "CONFIG", /config is "\/etc.*: give what is in the file/],
    [{ peers: {} }, "VALUE", /config\.peers is an object: give an array of peers/],
    [{ peers: [{}] }, "KEY", /config\.peers\[0\]\.publicKey is missing/],
    [{ peers: [{ publicKey: secret }] }, "KEY", /publicKey: This is not a public key/],
    [
      { peers: [{ publicKey: peer, allowedIPs: [] }] },
      "VALUE",
      /"allowedIPs": did you mean "allowedIps"/,
    ],
    [{ peers: [{ publicKey: peer, preSharedKey: 1 }] }, "VALUE", /did you mean "presharedKey"/],
    [
      { peers: [{ publicKey: peer, allowedIps: "::/0" }] },
      "VALUE",
      /allowedIps is "::\/0": give an array/,
    ],
    [
      { peers: [{ publicKey: peer, allowedIps: ["::/0", 5] }] },
      "ALLOWED_IP",
      /allowedIps\[1\] is 5/,
    ],
    [
      { peers: [{ publicKey: peer, allowedIps: ["10/8"] }] },
      "ALLOWED_IP",
      /"10\/8" is not an allowed IP/,
    ],
    [
      { peers: [{ publicKey: peer, endpoint: "a" }] },
      "ENDPOINT",
      /peers\[0\]\.endpoint: "a" is not/,
    ],
    [{ peers: [{ publicKey: peer, endpoint: 5 }] }, "ENDPOINT", /endpoint is 5/],
    [
      { peers: [{ publicKey: peer, endpoint: { host: "a" } }] },
      "VALUE",
      /endpoint\.port is missing/,
    ],
    [
      { peers: [{ publicKey: peer, presharedKey: PrivateKey.generate() }] },
      "KEY",
      /presharedKey is an/,
    ],
    [
      { peers: [{ publicKey: peer, persistentKeepalive: "25" }] },
      "VALUE",
      /persistentKeepalive is "25"/,
    ],
    [
      { peers: [], privateKey: `${secret}!` },
      "KEY",
      /config\.privateKey: This is not a private key/,
    ],
    [{ peers: [], privateKey: PresharedKey.generate() }, "KEY", /config\.privateKey is an object/],
    [{ peers: [], saveConfig: 1 }, "VALUE", /config\.saveConfig is 1/],
    [{ peers: [], postUp: "echo" }, "VALUE", /config\.postUp is "echo": give an array/],
  ];
  for (const [options, code, message] of wrong) {
    it(`are refused at once: ${message.source}`, async () => {
      await assert.rejects(openTunnel(untyped(options)), refused(`WG_BRIDGE_${code}`, message));
      assertNothingLeft("wgi0");
    });
  }
  for (const [config, code, message] of wrongConfigs) {
    it(`are refused at once with a configuration: ${message.source}`, async () => {
      const opening = openTunnel({ name: "wgi0", config: untyped(config) });
      await assert.rejects(opening, refused(`WG_BRIDGE_${code}`, message));
      assertNothingLeft("wgi0");
    });
  }
});
