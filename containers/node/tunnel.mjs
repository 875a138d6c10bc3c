// Runs a tunnel in a container by a file of wg-quick, and follows the file when it changes.
//
//   node tunnel.mjs [--attach | --endpoints ENDPOINTS] INTERFACE FILE
//
// With --attach the engine runs in another container: this one configures it, and ends when the engine does, so that
// its restart configures the next one.
//
// In the file ENDPOINTS it keeps where peers with a session are, every minute and at its end. The next run, which has
// lost the sessions, makes new ones with these peers at once. Otherwise they would notice after 15 s of packets without
// an answer.
//
// Routes are made for allowed IPs, except for 0.0.0.0/0 and ::/0, which would cut the container off from its peers.
// SIGHUP reads the file at once. DNS, Table and the hooks of wg-quick are left alone.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, statSync, watchFile } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  attach,
  formatEndpoint,
  listServedInterfaces,
  openTunnel,
  parseConfig,
  parseEndpoint,
} from "wg-bridge";

const sockets = "/var/run/wireguard";
/** How often the file is looked at, and endpoints are saved; in milliseconds, as the next ones. */
const interval = 5000;
const saveInterval = 60_000;
/** How long after its handshake a session ends, and how long another container's engine may take to start. */
const sessionLength = 180_000;
const startLimit = 60_000;

const { values, positionals } = parseArgs({
  options: { attach: { type: "boolean" }, endpoints: { type: "string" } },
  allowPositionals: true,
});
const [name, file] = positionals;
if (file === undefined || (values.attach && values.endpoints !== undefined)) {
  console.error("usage: node tunnel.mjs [--attach | --endpoints ENDPOINTS] INTERFACE FILE");
  process.exit(2);
}

// The first process of a container ignores signals that it has no handler for.
const end = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => end.abort());

/** The routes that this program has made. */
let routes = new Set();

async function readConfig() {
  const bytes = await readFile(file);
  try {
    return parseConfig(bytes);
  } finally {
    bytes.fill(0);
  }
}

function destroyKeys({ privateKey, peers }) {
  privateKey?.destroy();
  for (const { presharedKey } of peers) presharedKey?.destroy();
}

/** Runs commands of ip(8). Their words come from a configuration that was parsed, so each is one word. */
async function ip(commands) {
  const child = spawn("ip", ["-batch", "-"], { stdio: ["pipe", "inherit", "inherit"] });
  child.stdin.end(commands.map((command) => `${command}\n`).join(""));
  const [status] = await once(child, "close");
  if (status !== 0) throw new Error("ip(8) has refused an address or a route, as it says above");
}

async function updateRoutes({ peers }) {
  const wanted = new Set(peers.flatMap(({ allowedIps }) => allowedIps.map(String)));
  for (const all of ["0.0.0.0/0", "::/0"]) {
    if (wanted.delete(all)) console.log(`${name}: no route is made for ${all}`);
  }
  const gone = [...routes].filter((route) => !wanted.has(route));
  await ip([
    ...gone.map((route) => `route delete ${route} dev ${name}`),
    ...[...wanted].map((route) => `route replace ${route} dev ${name}`),
  ]);
  routes = wanted;
}

async function saveEndpoints() {
  if (values.endpoints === undefined) return;
  try {
    const { peers } = await tunnel.status();
    const inSession = peers.filter(
      ({ endpoint, latestHandshake: at }) =>
        endpoint !== undefined && at !== undefined && Date.now() - at.getTime() < sessionLength,
    );
    const known = inSession.map(({ publicKey, endpoint }) => [publicKey, formatEndpoint(endpoint)]);
    await writeFile(`${values.endpoints}.new`, JSON.stringify(known), { mode: 0o600 });
    await rename(`${values.endpoints}.new`, values.endpoints);
  } catch (error) {
    console.error(`${name}: the peers' endpoints are not saved: ${error.message}`);
  }
}

/** Returns the configuration with the endpoints that were saved, to which a keepalive is sent at once. */
async function recallEndpoints(config) {
  try {
    const saved = JSON.parse(await readFile(values.endpoints, "utf8"));
    const known = new Map(saved.map(([publicKey, text]) => [publicKey, parseEndpoint(text)]));
    const peers = config.peers.map((peer) => {
      const endpoint = peer.endpoint ?? known.get(peer.publicKey);
      return known.has(peer.publicKey) ? { ...peer, endpoint, persistentKeepalive: 25 } : peer;
    });
    return { ...config, peers };
  } catch (error) {
    if (error.code !== "ENOENT") console.error(`${name}: ${values.endpoints}: ${error.message}`);
    return config;
  }
}

async function open(config) {
  const { uid, mode } = statSync(sockets, { throwIfNoEntry: false }) ?? {};
  // Kubernetes makes an emptyDir that everybody may write to. The engine refuses it: another could serve the socket.
  if (uid === process.getuid() && (mode & 0o022) !== 0) chmodSync(sockets, 0o755);
  const options = { name, backend: "exec", restart: true, signal: end.signal };
  if (values.endpoints === undefined) return openTunnel({ ...options, config });
  const tunnel = await openTunnel({ ...options, config: await recallEndpoints(config) });
  await tunnel.apply(config); // without the keepalives, which have begun the handshakes
  return tunnel;
}

async function attachWhenServed(config) {
  const deadline = Date.now() + startLimit;
  while (!(await listServedInterfaces()).includes(name)) {
    if (Date.now() > deadline) throw new Error(`nothing serves ${name} after a minute`);
    await wait(100, undefined, { signal: end.signal });
  }
  const tunnel = await attach(name);
  await tunnel.apply(config);
  await ip([
    ...config.addresses.map((address) => `address replace ${address} dev ${name}`),
    `link set dev ${name}${config.mtu === undefined ? "" : ` mtu ${config.mtu}`} up`,
  ]);
  return tunnel;
}

async function start() {
  const config = await readConfig();
  const tunnel = await (values.attach ? attachWhenServed(config) : open(config));
  await updateRoutes(config);
  destroyKeys(config);
  return tunnel;
}

const tunnel = await start().catch((error) => {
  if (!end.signal.aborted) console.error(`${name}: ${error.message}`);
  process.exit(end.signal.aborted ? 0 : 1);
});
console.log(`${name}: configured by ${file}`);

/** The routes went with the old interface; wg-bridge has restored everything else. */
async function restoreRoutes() {
  try {
    await ip([...routes].map((route) => `route replace ${route} dev ${name}`));
    console.log(`${name}: the engine was restarted`);
  } catch (error) {
    console.error(
      `${name}: the engine was restarted, but its routes are missing: ${error.message}`,
    );
  }
}

async function follow() {
  try {
    const config = await readConfig();
    await tunnel.apply(config);
    await updateRoutes(config);
    destroyKeys(config);
    console.log(`${name}: follows ${file}`);
  } catch (error) {
    console.error(`${name}: goes on with the configuration that it has: ${error.message}`);
  }
}

/** Changes follow each other: two at once would both delete a route. */
let turn = Promise.resolve();
function inTurn(change) {
  turn = turn.then(change);
}

watchFile(file, { interval }, () => inTurn(follow));
process.on("SIGHUP", () => inTurn(follow));
tunnel.on("restarted", () => inTurn(restoreRoutes));
setInterval(() => void saveEndpoints(), saveInterval).unref();
const close = () => void saveEndpoints().then(() => tunnel.close());
end.signal.addEventListener("abort", close);
if (end.signal.aborted) close();
const { reason, message } = await tunnel.closed;
if (reason !== "closed") console.error(`${name}: ${message}`);
process.exit(reason === "closed" ? 0 : 1);
