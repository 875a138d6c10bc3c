import assert from "node:assert/strict";
import { upstreamExecutablePath } from "../../src/artifacts.js";
import type { RunningTunnel } from "../../src/backends/backend.js";
import { WgBridgeError } from "../../src/errors.js";
import type { BackendRequest } from "../../src/strategy/choose.js";
import { openBackend } from "../../src/strategy/open.js";
import { serverOf } from "../../src/uapi/server.js";
import { ask } from "../ask.js";
import { stopProcess } from "../processes.js";
import { assertNothingLeft, onlyInSandbox } from "../sandbox.js";
import { Holder } from "../uapi/holder.js";

const get = "get=1\n\n";

const variants: readonly (readonly [string, BackendRequest, NodeJS.ProcessEnv])[] = [
  ["ffi", "ffi", {}],
  ["exec", "exec", {}],
  ["exec with upstream's program", "exec", { WIREGUARD_GO_EXECUTABLE: upstreamExecutablePath }],
];

/** Starts a tunnel; `marked` resolves once its engine has set a firewall mark. */
async function start(
  request: BackendRequest,
  settings: NodeJS.ProcessEnv,
): Promise<{ readonly tunnel: RunningTunnel; readonly marked: Promise<void> }> {
  const { backend } = await openBackend(request, { ...process.env, ...settings });
  let resolveMarked = () => {};
  const marked = new Promise<void>((resolve) => {
    resolveMarked = resolve;
  });
  const onLog = (line: string) => {
    if (line.includes("Updating fwmark")) resolveMarked();
  };
  const tunnel = await backend.start({ name: "wgh0", logLevel: "verbose", onLog });
  return { tunnel, marked };
}

/** Closes twice while exchanges wait. These, and one sent afterwards, succeed or fail as closed. */
async function closeWhileWaiting(tunnel: RunningTunnel): Promise<void> {
  const waiting = Promise.allSettled([ask(tunnel, get), ask(tunnel, "set=1\nfwmark=8\n\n")]);
  await Promise.all([tunnel.close(), tunnel.close()]);
  const late = await Promise.allSettled([ask(tunnel, get)]);
  for (const exchange of [...(await waiting), ...late]) {
    if (exchange.status === "fulfilled") assert.match(exchange.value, /errno=0\n\n$/);
    else assertClosed(exchange.reason);
  }
  assertNothingLeft("wgh0");
}

function assertClosed(error: unknown): void {
  assert.ok(error instanceof WgBridgeError, String(error));
  assert.equal(error.code, "WG_BRIDGE_CLOSED", error.message);
}

for (const [title, request, settings] of variants) {
  const isOurs = settings.WIREGUARD_GO_EXECUTABLE === undefined;

  describe(`a client that stalls, beside the backend ${title},`, () => {
    onlyInSandbox();

    it("does not delay the end by half a set request, nor what waits behind it", async () => {
      const { tunnel, marked } = await start(request, settings);
      using _half = await Holder.halfASet("wgh0");
      if (isOurs) assert.doesNotMatch(await ask(tunnel, get), /fwmark/);
      else await marked;
      const controller = new AbortController();
      const reason = new Error("changed my mind");
      const exchange = tunnel.exchange(Buffer.from(get), controller.signal);
      const refused = assert.rejects(exchange, reason);
      controller.abort(reason);
      await refused;
      await closeWhileWaiting(tunnel);
    });

    // Upstream's program ends only by SIGKILL then, which takes five seconds.
    if (!isOurs) return;

    it("does not delay the end by reading nothing", async () => {
      const { tunnel } = await start(request, settings);
      using _deaf = await Holder.deaf("wgh0");
      assert.equal(await ask(tunnel, "set=1\nfwmark=8\n\n"), "errno=0\n\n");
      await closeWhileWaiting(tunnel);
    });
  });

  if (request !== "exec" || !isOurs) continue;

  describe("a stopped engine", () => {
    onlyInSandbox();

    it("is ended nevertheless, and leaves nothing behind", async () => {
      const { tunnel } = await start(request, settings);
      const pid = serverOf("wgh0")?.pid;
      assert.ok(pid);
      await stopProcess(pid);
      await closeWhileWaiting(tunnel);
    });
  });
}
