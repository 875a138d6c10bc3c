import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { packageRoot } from "../../../src/artifacts.js";
import { ConfigError, type Diagnostic } from "../../../src/config/diagnostic.js";
import { parseConfig } from "../../../src/config/parse.js";
import { WgBridgeError } from "../../../src/errors.js";
import { formatSocketAddress } from "../../../src/proxy/address.js";
import { formatExpose, formatForward } from "../../../src/proxy/forward.js";
import { parseProxyOptions } from "../../../src/proxy/options.js";
import {
  checkWireproxy,
  isWireproxyFile,
  parseWireguardFile,
  parseWireproxy,
  type WireproxyReading,
  wireguardFile,
} from "../../../src/proxy/wireproxy/parse.js";
import { targets, tcpListens, users } from "../arbitrary.js";

const strict: WireproxyReading = { env: {}, open: false, hasUsers: false, hasDns: false };
const key = (letter: string) => `${letter.repeat(42)}0=`;
const wireguard = `[Interface]
Address = 10.7.0.2/32
PrivateKey = ${key("a")}
DNS = 10.7.0.1

[Peer]
PublicKey = ${key("B")}
AllowedIPs = 0.0.0.0/0
Endpoint = vpn.example.org:51820
`;
/** How many lines there are before what a test adds. */
const before = wireguard.split("\n").length - 1;

const parse = (text: string, reading = strict) => parseWireproxy(text, reading);

/** Returns the mistakes in lines that follow the configuration above, numbered from 1. */
function mistakes(lines: string, reading = strict): readonly string[] {
  return checkWireproxy(wireguard + lines, reading).map(shown);
}

function shown({ line, column, problem, expected }: Diagnostic): string {
  return `${line > before ? line - before : `before ${line}`}:${column} ${problem}; expected ${expected}`;
}

function warnings(lines: string, reading = strict): readonly string[] {
  const text = wireguard + lines;
  return parse(text, reading).warnings.map((warning) =>
    warning.replace(/^Line (\d+) of the configuration/, (_, line) => `${Number(line) - before}`),
  );
}

describe("a file of wireproxy", () => {
  it("is read with a section of each kind", () => {
    const text = `${wireguard}
# a database
[TCPClientTunnel]
BindAddress = 127.0.0.1:5432
Target = db.example.org:5432

[TCPServerTunnel]
ListenPort = 8080
Target = localhost:3000

[UDPProxyTunnel]
BindAddress = 127.0.0.1:5353
Target = 10.7.0.1:53
InactivityTimeout = 300

[STDIOTunnel]
Target = ssh.example.org:22

[Socks5]
BindAddress = 127.0.0.1:1080
Username = ann
Password = two words

[http]
BindAddress = 127.0.0.1:8080
`;
    const { wireguard: part, ...rest } = parse(text);
    assert.ok("config" in part);
    assert.equal(part.config.peers.length, 1);
    assert.deepEqual(part.config.addresses, ["10.7.0.2/32"]);
    assert.deepEqual(part.config.dns, ["10.7.0.1"]);
    assert.deepEqual(part.config.peers[0]?.endpoint, { host: "vpn.example.org", port: 51820 });
    assert.equal(part.checkAlive, undefined);
    assert.deepEqual(rest, {
      socks5: [
        {
          listen: { host: "127.0.0.1", port: 1080 },
          users: [{ user: "ann", password: "two words" }],
        },
      ],
      http: [{ listen: { host: "127.0.0.1", port: 8080 } }],
      forward: [
        {
          protocol: "tcp",
          listen: { host: "127.0.0.1", port: 5432 },
          target: { host: "db.example.org", port: 5432 },
        },
        {
          protocol: "udp",
          listen: { host: "127.0.0.1", port: 5353 },
          target: { host: "10.7.0.1", port: 53 },
        },
      ],
      expose: [{ protocol: "tcp", port: 8080, target: { host: "localhost", port: 3000 } }],
      stdio: { host: "ssh.example.org", port: 22 },
      warnings: [],
    });
  });

  it("opens what the options beside the sections in docs/proxy-migration.md do", () => {
    const page = readFileSync(`${packageRoot}/docs/proxy-migration.md`, "utf8");
    const text = /```text\n(.*?)```/s.exec(page)?.[1] ?? "";
    const env = { WIREGUARD_KEY: key("a") };
    const { socks5, http, forward, expose, stdio } = parse(text, { ...strict, env });
    const words: Record<string, string[]> = {};
    for (const [, name = "", word = ""] of text.matchAll(/# --([a-z0-9]+) (\S+)/g)) {
      words[name] = [...(words[name] ?? []), word];
    }
    const { stdio: [stdioWord = ""] = [], ...others } = words;
    const options = parseProxyOptions({ ...others, stdio: stdioWord });
    assert.deepEqual(
      [socks5, http].map((all) =>
        all.map(({ listen, users = [] }) => [listen, users.map(({ user }) => user)]),
      ),
      [options.socks5, options.http].map((all) =>
        all.map(({ listen, user }) => [listen, user === undefined ? [] : [user.name]]),
      ),
    );
    const { forward: forwards, expose: exposes, stdio: target } = options;
    assert.deepEqual([forward, expose, stdio], [forwards, exposes, target]);
    assert.deepEqual([socks5.length, http.length, forward.length, expose.length], [1, 1, 2, 1]);
  });

  it("may have several peers and several sections of one kind", () => {
    const {
      wireguard: part,
      expose,
      warnings,
    } = parse(`[Interface]
Address = 10.7.0.40/32
PrivateKey = ${key("a")}
DNS = 10.7.0.1

[Peer]
Endpoint = 192.0.2.4:51820
PublicKey = ${key("B")}
AllowedIPs = 10.7.0.100/32
PersistentKeepalive = 25

[Peer]
PublicKey = ${key("C")}
AllowedIPs = 10.7.0.1/32, fd00:7::1/128

[TCPServerTunnel]
ListenPort = 5000
Target = localhost:5000

[TCPServerTunnel]
ListenPort = 5080
Target = 127.0.0.1:80
`);
    assert.ok("config" in part);
    assert.deepEqual(
      part.config.peers.map(({ allowedIps }) => allowedIps),
      [["10.7.0.100/32"], ["10.7.0.1/32", "fd00:7::1/128"]],
    );
    assert.deepEqual(warnings, []);
    assert.deepEqual(expose.map(formatExpose), ["5000=localhost:5000", "5080=127.0.0.1:80"]);
  });

  it("may name the file of WireGuard's configuration", () => {
    const { wireguard: part, socks5 } = parse(
      "wgconfig = `wg#0.conf` ; here\n[SOCKS5]\nbindaddress: localhost:1080\n",
    );
    assert.deepEqual(part, { file: "wg#0.conf" });
    assert.deepEqual(socks5, [{ listen: { host: "127.0.0.1", port: 1080 } }]);
    assert.equal(wireguardFile("/etc/wireproxy/a.conf", "wg0.conf"), "/etc/wireproxy/wg0.conf");
    assert.equal(wireguardFile("a.conf", "wg0.conf"), "wg0.conf");
    assert.equal(wireguardFile("/etc/a.conf", "./wg0.conf"), "./wg0.conf");
    assert.equal(wireguardFile("/etc/a.conf", "/tmp/wg0.conf"), "/tmp/wg0.conf");
  });

  it("may take values from the environment", () => {
    const env = {
      KEY: key("d"),
      PEER: key("B"),
      HOME_ADDRESS: "10.9.0.1/24, fd00::1",
      PASS: "$x#;",
      BIND: "127.0.0.1:1",
    };
    const text = `[Interface]
PrivateKey = $KEY
Address = "$HOME_ADDRESS"
DNS = 10.7.0.1
PostUp = $NOT_LOOKED_AT
[Peer]
PublicKey = $PEER
AllowedIPs = ::/0
[Socks5]
BindAddress = $BIND
Username = $$ann
Password = $PASS
`;
    const { wireguard: part, socks5 } = parse(text, { ...strict, env });
    assert.ok("config" in part);
    assert.equal(part.config.privateKey?.toBase64(), env.KEY);
    assert.deepEqual(part.config.addresses, ["10.9.0.1/24", "fd00::1"]);
    assert.deepEqual(part.config.postUp, ["$NOT_LOOKED_AT"]);
    assert.deepEqual(socks5, [
      { listen: { host: "127.0.0.1", port: 1 }, users: [{ user: "$ann", password: "$x#;" }] },
    ]);
  });

  it("may ask for pings", () => {
    const checks = "CheckAlive = 10.7.0.1, FD00::1\n";
    const text = wireguard.replace("DNS", `${checks}DNS`);
    const { wireguard: part } = parse(text);
    assert.ok("config" in part);
    assert.deepEqual(part.checkAlive, { addresses: ["10.7.0.1", "fd00::1"], interval: 5 });
    const { wireguard: other } = parse(text.replace(checks, `${checks}checkaliveinterval=3\n`));
    assert.ok("config" in other);
    assert.deepEqual(other.checkAlive?.interval, 3);
  });

  it("gives a peer without AllowedIPs everything, and says so", () => {
    for (const line of ["", "AllowedIPs =\n"]) {
      const text = wireguard.replace("AllowedIPs = 0.0.0.0/0\n", line);
      const { wireguard: part, warnings } = parse(`${text}[Socks5]\nBindAddress = 1080\n`);
      assert.ok("config" in part);
      assert.deepEqual(part.config.peers[0]?.allowedIps, ["0.0.0.0/0", "::/0"]);
      assert.deepEqual(warnings, [
        `The peer ${key("B")} has no AllowedIPs, so that it gets all traffic, as with wireproxy: write AllowedIPs = 0.0.0.0/0, ::/0, or less.`,
      ]);
    }
  });

  it("is told from a file for wg and wg-quick", () => {
    assert.ok(!isWireproxyFile(wireguard));
    assert.ok(!isWireproxyFile(""));
    assert.ok(!isWireproxyFile("[Peer]\nCheckAlive = ::1\nWGConfig = a\n# [Socks5]\n;[http]"));
    const fields = [
      "\ufeffwgConfig = a",
      "[INTERFACE]\ncheckAlive = ::1",
      "[interface]\nCheckAliveInterval = 1",
    ];
    const sections = ["socks5", "HTTP", "TCPClientTunnel", "TCPServerTunnel", "UDPProxyTunnel"];
    const others = ["STDIOTunnel", "SNI", "Resolve"];
    for (const section of [...sections, ...others]) {
      assert.ok(isWireproxyFile(`${wireguard}[${section}] # here\n`), section);
    }
    for (const text of fields) assert.ok(isWireproxyFile(Buffer.from(text)), text);
  });

  it("says which sections and fields mean less here", () => {
    assert.deepEqual(
      warnings(`[SNI]
BindAddress = 127.0.0.1:443
anything
[Resolve]
ResolveStrategy = ipv4
[http]
BindAddress = 127.0.0.1:8080
CertFile = cert.pem
KeyFile = key.pem
TunnelDomains = ^a$
TunnelDomains = ^b$
LogDomains = true
[Socks5]
BindAddress = 127.0.0.1:1080
LogDomains = false
[UDPProxyTunnel]
BindAddress = 127.0.0.1:53
Target = 10.7.0.1:53
InactivityTimeout = 0
[TCPServerTunnel]
ListenPort = 80
Target = web.example.org:80
[TCPServerTunnel]
ListenPort = 81
Target = [fd00::a]:80
`),
      [
        "1: [SNI] is not supported, and nothing listens there: let clients use [Socks5] or [http], or forward port 443 of one host.",
        "4: [Resolve] is not supported: the addresses of a name are tried in turn, those of both families if the tunnel has both.",
        "8: an HTTP proxy over TLS is not supported: this one speaks plain HTTP, so give clients an address that begins with http://.",
        "10: TunnelDomains is not supported: every connection goes through the tunnel, and none around it.",
        "12: LogDomains is not supported: the log names targets at the level verbose.",
        "19: InactivityTimeout is not supported: a client is forgotten after 300 seconds without a datagram.",
        "22: this machine looks up web.example.org, and wireproxy asks the tunnel's DNS for it.",
      ],
    );
  });

  it("needs both files for TLS, as wireproxy does", () => {
    const proxy = "[http]\nBindAddress = 127.0.0.1:8080\n";
    for (const files of ["CertFile = a", "KeyFile = b", "CertFile = a\nKeyFile =\n"]) {
      assert.deepEqual(warnings(`${proxy}${files}`), [], files);
    }
  });

  it("says what [Interface] means here", () => {
    const text = `[Interface]
PrivateKey = ${key("a")}
Address = 10.7.0.2
Address = fd00::2
MTU = 1420
MTU = 1280
FwMark = 7
PostUp = a; b # twice is fine
PostUp = c
DNS = example.org
[Peer]
PublicKey = ${key("B")}
AllowedIPs = ::/0
AllowedIPs = 0.0.0.0/0
[http]
BindAddress = 127.0.0.1:8080
`;
    const { wireguard: part, warnings } = parse(text);
    assert.deepEqual(warnings, [
      "Line 4 of the configuration: Address is in this section already: wireproxy reads the first one alone, and all of them count here.",
      "Line 6 of the configuration: MTU is in this section already: wireproxy reads the first one alone, and the last one counts here.",
      "Line 7 of the configuration: FwMark is set here, which requires CAP_NET_ADMIN; wireproxy ignores it.",
      "Line 14 of the configuration: AllowedIPs is in this section already: wireproxy reads the first one alone, and all of them count here.",
      "There is no DNS with the address of a server: wireproxy then asks this machine for names, and here no name is resolved. Add DNS = ADDRESS, or give --dns or --host-dns.",
    ]);
    assert.ok("config" in part);
    assert.deepEqual(part.config.postUp, ["a; b", "c"]);
    assert.equal(part.config.mtu, 1280);
    assert.equal(parse(text, { ...strict, hasDns: true }).warnings.length, 4);
  });

  it("says that sections are not used if another file has them", () => {
    const { warnings } = parse(
      `WGConfig = wg0.conf\n[Interface]\nnonsense\n[Peer]\nPublicKey = x\n[http]\nBindAddress = 8080\n`,
    );
    const text = "this section is not used, since WGConfig names another file for it.";
    assert.deepEqual(
      warnings,
      [2, 4].map((line) => `Line ${line} of the configuration: ${text}`),
    );
    const other = parseWireguardFile(`${wireguard}[Socks5]\nnonsense\n`, strict);
    assert.equal(other.config.peers.length, 1);
    assert.deepEqual(other.warnings, [
      "Line 10 of the configuration: this section is not used: it must be in the file that has WGConfig.",
    ]);
  });

  const listen = "ADDRESS:PORT, such as 127.0.0.1:1080 or [::1]:1080";
  const target = "HOST:PORT, such as db.example:5432 or [fd00::1]:5432";
  const variable =
    'this value begins with "$", and no environment variable has the name that follows; expected the name of a variable that is set, or "$$" in place of "$"';
  const wrong: readonly (readonly [string, readonly string[]])[] = [
    ["[Socks5]\n", ["1:1 this [Socks5] has no BindAddress; expected a BindAddress field"]],
    [
      "\n [tcpClientTunnel]\n[udpproxytunnel]\n[TCPServerTunnel]\n[STDIOTunnel]\n",
      [
        "2:2 this [TCPClientTunnel] has no BindAddress; expected a BindAddress field",
        "2:2 this [TCPClientTunnel] has no Target; expected a Target field",
        "3:1 this [UDPProxyTunnel] has no BindAddress; expected a BindAddress field",
        "3:1 this [UDPProxyTunnel] has no Target; expected a Target field",
        "4:1 this [TCPServerTunnel] has no ListenPort; expected a ListenPort field",
        "4:1 this [TCPServerTunnel] has no Target; expected a Target field",
        "5:1 this [STDIOTunnel] has no Target; expected a Target field",
      ],
    ],
    [
      "[Socks]\nBindAddress = 1080\nnonsense\n[http]\nBindAddress = 8080\nColour = red\nhunter2==\nhunter2\n",
      [
        "1:1 there is no such section; expected [Interface], [Peer], [Socks5], [http], [TCPClientTunnel], [TCPServerTunnel], [UDPProxyTunnel], [STDIOTunnel]",
        "6:1 there is no field Colour in [http]; expected BindAddress, Username, Password, CertFile, KeyFile, TunnelDomains, LogDomains",
        "7:1 there is no field in [http]; expected BindAddress, Username, Password, CertFile, KeyFile, TunnelDomains, LogDomains",
        "8:1 this is neither a section nor a field; expected Key = Value",
      ],
    ],
    [
      '[http]\nBindAddress = "example.org:8080"\nBindAddress = 127.0.0.1:8080\n',
      [
        `2:16 the value of BindAddress cannot be read: this is not an IP address of this machine; expected ${listen}`,
        "3:1 BindAddress is in this section already; expected one BindAddress in each section",
      ],
    ],
    [
      "[TCPServerTunnel]\nListenPort = 0\nTarget = localhost\n",
      [
        "2:14 the value of ListenPort cannot be read: the port is wrong; expected a number from 1 to 65535",
        `3:10 the value of Target cannot be read: the port is missing; expected ${target}`,
      ],
    ],
    [
      "[TCPClientTunnel]\nBindAddress = 127.0.0.1:x\nTarget = db:y\n",
      [
        "2:25 the value of BindAddress cannot be read: the port is wrong; expected a number from 0 to 65535",
        "3:13 the value of Target cannot be read: the port is wrong; expected a number from 1 to 65535",
      ],
    ],
    [
      "[http]\nBindAddress = $hunter2\nUsername = $hunter2\nPassword = a \\\n",
      [
        `2:15 ${variable}`,
        `3:12 ${variable}`,
        "4:12 this line goes on in the next one; expected one line",
      ],
    ],
    [
      "[http]\nBindAddress = $no\nBindAddress = 1\n[http]\nBindAddress = 2\nUsername = $no\n",
      [
        `2:15 ${variable}`,
        "3:1 BindAddress is in this section already; expected one BindAddress in each section",
        `6:12 ${variable}`,
      ],
    ],
    [
      "[TCPServerTunnel]\nListenPort = $PORT\nTarget = localhost:1\n",
      [
        "2:14 the value of ListenPort cannot be read: the port is wrong; expected a number from 1 to 65535",
      ],
    ],
    [
      "[http]\nBindAddress = $BIND\n",
      [
        `2:15 the value of BindAddress cannot be read: the port is wrong; expected a number from 0 to 65535`,
      ],
    ],
    [
      "[http]\nBindAddress = 1\nUsername = ann\n[Socks5]\nBindAddress = 2\nPassword = hunter2\n",
      [
        "3:12 there is a Username and no Password; expected a Password as well",
        "6:12 there is a Password and no Username; expected a Username as well",
      ],
    ],
    [
      "[http]\nBindAddress = 1\nUsername = an:n\nPassword = hunter2\n[Socks5]\nBindAddress = 2\nUsername = ann\nPassword =\n",
      [
        "3:12 the user name has a colon; expected one without a colon",
        "8:11 the password is empty; expected a password of 1 to 255 bytes without control characters",
      ],
    ],
    [
      "[UDPProxyTunnel]\nBindAddress = 53\nTarget = 10.7.0.1:53\nInactivityTimeout = -1\n",
      ["4:21 the value of InactivityTimeout cannot be read; expected seconds, 0 or more"],
    ],
    [
      "[STDIOTunnel]\nTarget = a:1\n[STDIOTunnel]\nTarget = b:1\n",
      ["3:1 the [STDIOTunnel] in line 10 has standard input already; expected one [STDIOTunnel]"],
    ],
    [
      "[Socks5]\nBindAddress = 0.0.0.0:1080\n[http]\nBindAddress = :8080\n[TCPClientTunnel]\nBindAddress = 10.0.0.1:80\nTarget = web:80\n",
      [
        "2:15 0.0.0.0:1080 is not a loopback address, and everybody who reaches it could use the tunnel, since it has no users; expected a loopback address, a Username and a Password, --auth FILE or --open",
        "4:15 [::]:8080 is not a loopback address, and everybody who reaches it could use the tunnel, since it has no users; expected a loopback address, a Username and a Password, --auth FILE or --open",
        "6:15 10.0.0.1:80 is not a loopback address, and everybody who reaches it could use this forward; expected a loopback address, or --open",
      ],
    ],
    [
      "[http]\nBindAddress = [::]:8080\nCertFile = a\nKeyFile = b\nUsername = ann\nPassword = b\n",
      [
        "3:12 an HTTP proxy over TLS is not supported, and without it passwords would cross the network in the clear; expected a loopback address, or no CertFile and KeyFile",
      ],
    ],
    [
      "[Socks5]\nBindAddress = 1080\n[http]\nBindAddress = 1080\n[http]\nBindAddress = localhost:1080\n[TCPServerTunnel]\nListenPort = 80\nTarget = localhost:1\n[TCPServerTunnel]\nListenPort = 80\nTarget = localhost:2\n",
      [
        "6:15 [http] in line 12 listens on 127.0.0.1:1080 already; expected another address",
        "11:14 [TCPServerTunnel] in line 16 has port 80 of the tunnel already; expected another port",
      ],
    ],
  ];
  for (const [lines, expected] of wrong) {
    it(`is refused with every mistake: ${JSON.stringify(lines).slice(0, 70)}`, () => {
      assert.deepEqual(
        mistakes(lines, { ...strict, env: { BIND: "127.0.0.1:hunter2", PORT: "80" } }),
        expected,
      );
    });
  }

  it("may listen to everybody if that is wanted, or if there are users", () => {
    const proxies = "[Socks5]\nBindAddress = 0.0.0.0:1080\n[http]\nBindAddress = :8080\n";
    assert.deepEqual(mistakes(proxies, { ...strict, hasUsers: true }), []);
    assert.deepEqual(mistakes(proxies, { ...strict, open: true }), []);
    const own = "[http]\nBindAddress = :8080\nUsername = ann\nPassword = b\n";
    assert.deepEqual(mistakes(own), []);
    const { http } = parse(wireguard + own);
    assert.deepEqual(http[0]?.listen, { host: "::", port: 8080 });
    const forward = "[TCPClientTunnel]\nBindAddress = 0.0.0.0:80\nTarget = a:1\n";
    assert.equal(mistakes(forward, { ...strict, hasUsers: true }).length, 1);
    assert.deepEqual(mistakes(forward, { ...strict, open: true }), []);
  });

  it("is refused with the mistakes of WireGuard's sections at their places", () => {
    const text = `Colour = red
[Interface]
PrivateKey = $KEY
Address = 10.7.0.2/33, 10.7.0.3
CheckAlive = 10.7.0.1, example.org
CheckAliveInterval = 0
CheckAlive = ::1
Jc = 4
[Peer]
PublicKey = "${key("B")}"
AllowedIPs = $IPS
Endpoint = $ENDPOINT
PersistentKeepalive = 25 \\
[Socks5]
`;
    const env = { KEY: "hunter2", IPS: "10.0.0.0/8, 10.0.0.0/99" };
    const place = ({ line, column, problem }: Diagnostic) => `${line}:${column} ${problem}`;
    assert.deepEqual(checkWireproxy(text, { ...strict, env }).map(place), [
      "1:1 this field is not in a section",
      "3:14 the value of PrivateKey cannot be read, which this environment variable contains",
      "4:11 the value of Address cannot be read",
      "5:24 the value of CheckAlive cannot be read",
      "6:22 the value of CheckAliveInterval cannot be read",
      "7:1 CheckAlive is in this section already",
      "8:1 there is no field Jc in this section",
      "11:14 the value of AllowedIPs cannot be read, which this environment variable contains",
      "12:12 the value of Endpoint cannot be read",
      "13:23 this line goes on in the next one",
      "14:1 this [Socks5] has no BindAddress",
    ]);
    assert.throws(
      () => parseWireproxy(text, { ...strict, env }),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(error.code, "WG_BRIDGE_CONFIG");
        assert.equal(error.diagnostics.length, 11);
        assert.equal(
          error.message,
          'Line 1, column 1 of the configuration: this field is not in a section. Expected [Interface] or [Peer] before it. "wg-bridge check" shows 10 other problems as well.',
        );
        return true;
      },
    );
  });

  it("must check something alive if it has an interval, and addresses alone", () => {
    const withChecks = (lines: string) => {
      const text = wireguard.replace("[Interface]\n", `[Interface]\n${lines}`);
      const env = { HOSTS: "::1, example.org" };
      return checkWireproxy(text, { ...strict, env }).map(shown);
    };
    assert.deepEqual(withChecks("CheckAliveInterval = 5\n"), [
      "before 2:22 CheckAliveInterval has nothing to check; expected CheckAlive with addresses as well",
    ]);
    assert.deepEqual(withChecks("CheckAlive = $HOSTS\n"), [
      "before 2:14 the value of CheckAlive cannot be read; expected IP addresses, separated by commas",
    ]);
  });

  it("must have a private key and a peer, here or in the other file", () => {
    const places = (text: string) => checkWireproxy(text, strict).map(shown);
    const missing = [
      "before 1:1 there is no private key; expected [Interface] with a PrivateKey",
      "before 1:1 there is no peer; expected [Peer] with a PublicKey",
    ];
    assert.deepEqual(places("[Socks5]\nBindAddress = 1080\n"), missing);
    assert.deepEqual(
      places(`# a\n[Interface]\n[Peer]\nPublicKey = ${key("B")}\n[http]\nBindAddress = 1\n`),
      ["before 2:1 there is no private key; expected [Interface] with a PrivateKey"],
    );
    assert.deepEqual(places("WGConfig =\nWGConfig = a\n"), [
      "before 1:11 the value of WGConfig cannot be read; expected one path of a file",
      "before 2:1 WGConfig is given already; expected one path of a file",
    ]);
    assert.throws(() => parseWireguardFile("WGConfig = a\n", strict), ConfigError);
  });

  it("is refused in UTF-16, and may begin with a byte order mark", () => {
    const text = Buffer.from(`${wireguard}[Socks5]\nBindAddress = 1080\n`, "utf16le");
    assert.throws(
      () => parseWireproxy(text, strict),
      /Line 1, column 1 of the configuration: this file is UTF-16\./,
    );
    assert.deepEqual(checkWireproxy(text, strict).map(shown), [
      "before 1:1 this file is UTF-16; expected UTF-8 without a byte order mark",
    ]);
    assert.throws(() => parseWireguardFile(text, strict), /this file is UTF-16\./);
    assert.equal(parse(`\ufeff${wireguard}[Socks5]\nBindAddress = 1080\n`).socks5.length, 1);
    assert.throws(() => parse(5 as never), /The configuration is 5: give the text of a file/);
  });

  /** A spelling of a name or a value that wireproxy reads as the same. */
  const spell = (text: string, variant: number): string =>
    [text, text.toLowerCase(), text.toUpperCase()][variant % 3] ?? text;
  const quoteValue = (value: string, variant: number): string => {
    if (/[#;"'`\\]|^\s|\s$|%\(|^\$/.test(value)) {
      return `\`${value.startsWith("$") ? "$" : ""}${value}\` # a`;
    }
    return (
      [value, `"${value}"`, `'${value}'`, `\`${value}\``, `${value} ; a`][variant % 5] ?? value
    );
  };

  it("means the same in every spelling", () => {
    const credentials = users.filter(({ user, password }) =>
      [user, password].every((text) => !/`|%\(|[^\S ]|^\s|\s$|^\$/.test(text)),
    );
    const listener = fc.tuple(tcpListens, fc.option(credentials, { nil: undefined }));
    const forward = fc.tuple(fc.constantFrom("tcp" as const, "udp" as const), tcpListens, targets);
    const port = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(
        fc.array(listener, { maxLength: 3 }),
        fc.array(listener, { maxLength: 3 }),
        fc.array(forward, { maxLength: 3 }),
        fc.uniqueArray(fc.tuple(port, targets), { maxLength: 3, selector: ([port]) => port }),
        fc.option(targets, { nil: undefined }),
        fc.infiniteStream(fc.nat({ max: 14 })),
        fc.constantFrom("\n", "\r\n"),
        (socks5, http, forwards, exposes, stdio, variants, end) => {
          const variant = () => Number(variants.next().value);
          const section = (name: string, fields: Readonly<Record<string, string>>) => [
            `${" ".repeat(variant() % 2)}[${spell(name, variant())}]`,
            ...Object.entries(fields).map(
              ([key, value]) =>
                `${spell(key, variant())}${[" = ", "=", " : ", ":"][variant() % 4]}${quoteValue(value, variant())}`,
            ),
            ...(variant() % 2 ? [";x", ""] : []),
          ];
          const proxy =
            (name: string) =>
            ([listen, user]: (typeof socks5)[number]) =>
              section(name, {
                BindAddress: formatSocketAddress(listen),
                ...(user && { Username: user.user, Password: user.password }),
              });
          const lines = [
            ...wireguard.split("\n"),
            ...socks5.flatMap(proxy("Socks5")),
            ...forwards.flatMap(([protocol, listen, target]) =>
              section(protocol === "tcp" ? "TCPClientTunnel" : "UDPProxyTunnel", {
                BindAddress: formatSocketAddress(listen),
                Target: formatSocketAddress(target),
              }),
            ),
            ...exposes.flatMap(([port, target]) =>
              section("TCPServerTunnel", {
                ListenPort: String(port),
                Target: formatSocketAddress(target),
              }),
            ),
            ...http.flatMap(proxy("http")),
            ...(stdio ? section("STDIOTunnel", { Target: formatSocketAddress(stdio) }) : []),
          ];
          const text = lines.join(end);
          const diagnostics = checkWireproxy(text, { ...strict, open: true });
          if (diagnostics.length > 0) {
            // Some of them ask for one address twice.
            for (const { problem } of diagnostics) assert.match(problem, /already$/);
            return;
          }
          const read = parse(text, { ...strict, open: true });
          const proxies = (all: typeof socks5) =>
            all.map(([listen, user]) => ({ listen, ...(user && { users: [user] }) }));
          assert.deepEqual(read.socks5, proxies(socks5));
          assert.deepEqual(read.http, proxies(http));
          assert.deepEqual(
            read.forward.map(formatForward),
            forwards.map(([protocol, listen, target]) =>
              formatForward({ protocol, listen, target }),
            ),
          );
          assert.deepEqual(
            read.expose,
            exposes.map(([port, target]) => ({ protocol: "tcp", port, target })),
          );
          assert.deepEqual(read.stdio, stdio);
          assert.ok("config" in read.wireguard);
          assert.deepEqual(read.wireguard.config.addresses, parseConfig(wireguard).addresses);
        },
      ),
    );
  });

  it("is read or refused whatever it contains, at a place in it, without what may be secret", () => {
    const secret = "hunter2hunter2hunter2";
    const words = [
      "[Interface]",
      "[Peer]",
      "[Socks5]",
      "[http]",
      "[TCPServerTunnel]",
      "[STDIOTunnel]",
      "[x]",
      "Username = ann",
      "BindAddress = 0.0.0.0:1080",
      "WGConfig = ",
      "Target = ",
      "CheckAlive = ",
      "AllowedIPs",
      `PrivateKey = ${secret}`,
      `PrivateKey = $${secret}`,
      `Password = ${secret}`,
      `Password = $${secret}`,
      `Password = \`${secret}`,
      `${secret}=`,
      secret,
      "\n",
      "\n",
      "\r\n",
      " ",
      "\0",
      "#",
      ";",
      "%(a)s",
      "\\",
    ];
    const piece = fc.oneof({ arbitrary: fc.constantFrom(...words), weight: 4 }, fc.string());
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
        const text = pieces.join("");
        const diagnostics = checkWireproxy(text, strict);
        const lines = text.split(/\n/);
        for (const { line, column } of diagnostics) {
          assert.ok(line <= Math.max(lines.length, 1), `${line} of ${lines.length}`);
          assert.ok(
            column <= (lines[line - 1] ?? "").length + 1,
            `column ${column} in line ${line}`,
          );
        }
        try {
          const { warnings } = parse(text);
          assert.ok(!warnings.join().includes(secret), warnings.join());
          assert.deepEqual(diagnostics, []);
        } catch (error) {
          assert.ok(error instanceof WgBridgeError, String(error));
          assert.notDeepEqual(diagnostics, []);
          const told = JSON.stringify(diagnostics) + error.message;
          assert.ok(!told.includes(secret), told);
        }
      }),
      { numRuns: 500 },
    );
  });
});
