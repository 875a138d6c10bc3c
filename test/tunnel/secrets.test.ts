import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { upstreamExecutablePath } from "../../src/artifacts.js";
import {
  openTunnel,
  PresharedKey,
  PrivateKey,
  publicKey,
  type Tunnel,
  type TunnelOptions,
} from "../../src/index.js";
import { exchangeOverSocket } from "../../src/uapi/socket.js";
import { endLeftTunnels, onlyInSandbox } from "../sandbox.js";

const variants: readonly (readonly [string, Partial<TunnelOptions>])[] = [
  ["ffi", { backend: "ffi" }],
  ["exec", { backend: "exec" }],
  [
    "upstream's program",
    { backend: "exec", env: { ...process.env, WIREGUARD_GO_EXECUTABLE: upstreamExecutablePath } },
  ],
];

for (const [title, options] of variants) {
  describe(`secrets given to ${title}`, () => {
    onlyInSandbox();
    endLeftTunnels("wgk0");
    const usual = process.env.TMPDIR;
    let temporary = "";

    before(() => {
      temporary = mkdtempSync(join(tmpdir(), "wg-bridge-secrets-"));
      process.env.TMPDIR = temporary;
    });

    after(() => {
      if (usual === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = usual;
      rmSync(temporary, { recursive: true });
    });

    it("are in no argument, environment, log, error or file", async () => {
      const privateKey = PrivateKey.generate();
      const presharedKey = PresharedKey.generate();
      const peer = { publicKey: publicKey("1f".repeat(32)), presharedKey, allowedIps: [] };
      const secrets = [privateKey, presharedKey].flatMap((key) => [key.toBase64(), key.toHex()]);
      const telling = secrets.map((secret) => secret.replace("=", ""));
      const said: string[] = [];
      const hear = (thrown: unknown) => {
        said.push(inspect(thrown, { depth: 10, showHidden: true }), JSON.stringify(thrown));
        return true;
      };
      const tunnel = await openTunnel({
        name: "wgk0",
        ...options,
        logLevel: "verbose",
        config: { privateKey, peers: [peer] },
      });
      tunnel.on("log", (line) => said.push(line));
      for (const wrong of wrongTexts(secrets)) await assert.rejects(tunnel.apply(wrong), hear);
      const change = { fwmark: 2 ** 33, privateKey, peers: [peer] };
      await assert.rejects(tunnel.update(change), hear);
      for (const address of secrets) {
        const opening = openTunnel({ name: "wgk1", ...options, addresses: [address] });
        await assert.rejects(opening, hear);
      }
      for (const line of wrongLines(secrets)) await logged(tunnel, line);
      said.push(inspect(await tunnel.status(), { depth: 10 }), JSON.stringify(await shown(tunnel)));
      said.push(...processes(), ...files(temporary));
      await tunnel.close();
      await assert.rejects(tunnel.apply({ privateKey, peers: [peer] }), hear);
      for (const [index, secret] of telling.entries()) {
        assert.ok(!said.some((text) => text.includes(secret)), `secret ${index} was said`);
      }
      assert.ok(said.some((text) => /failed to parse line .*\(hidden\)/.test(text)));
      assert.ok(said.some((text) => /invalid UAPI device key: .*\(hidden\)/.test(text)));
    });
  });
}

/** Texts that are no configuration, with a secret in each place. */
function wrongTexts(secrets: readonly string[]): string[] {
  return secrets.flatMap((secret) => [
    `[Interface]\nPrivateKey = ${secret}x\n`,
    `[Interface]\n${secret}\n`,
    `[${secret}]\n`,
    `[Interface]\n${secret} = 1\n`,
    `[Peer]\nPublicKey = ${secret}\nPresharedKey = ${secret} ${secret}\n`,
    `[Interface]\nListenPort = ${secret}\nAddress = ${secret}\n`,
  ]);
}

/** Lines that the engine cannot take, and logs: whole, or what is before or behind the "=". */
function wrongLines(secrets: readonly string[]): string[] {
  return secrets.flatMap((secret) => [`private_key ${secret}`, `listen_port=${secret}`]);
}

/** Sends a line, and waits until the engine has logged that it cannot take it. */
async function logged(tunnel: Tunnel, line: string): Promise<void> {
  const heard = new Promise<void>((resolve) => {
    const listen = (text: string) => {
      if (!/failed to parse line|invalid UAPI device key|parse listen_port/.test(text)) return;
      tunnel.off("log", listen);
      resolve();
    };
    tunnel.on("log", listen);
  });
  await exchangeOverSocket("wgk0", Buffer.from(`set=1\n${line}\n\n`));
  await heard;
}

/** The status without its counters, which are no JSON. */
async function shown(tunnel: Tunnel): Promise<unknown> {
  const { privateKey, peers } = await tunnel.status();
  return { privateKey, keys: peers.map(({ presharedKey }) => presharedKey) };
}

/** The arguments and the environment of every process, this one included. */
function processes(): string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((pid) => ["cmdline", "environ"].map((file) => readProcess(`/proc/${pid}/${file}`)));
}

function readProcess(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the process has ended
  }
}

/** What is in every file below a directory. */
function files(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
}
