import assert from "node:assert/strict";
import { BridgeLibrary } from "../../../src/backends/ffi/library.js";
import { FfiBackend, type TunnelLibrary } from "../../../src/backends/ffi.js";
import { libraryPath } from "../../../src/engine/files.js";
import { WgBridgeError } from "../../../src/errors.js";
import { ask } from "../../ask.js";
import { assertNothingLeft, onlyInSandbox } from "../../sandbox.js";

/** Loads the library, and makes each exchange wait until the tunnel is closed. */
async function withWaitingExchange(waiting: () => void): Promise<TunnelLibrary> {
  const library = await BridgeLibrary.load(libraryPath(process.env));
  let resolveClosed = () => {};
  const closed = new Promise<void>((resolve) => {
    resolveClosed = resolve;
  });
  return {
    newHandle: () => library.newHandle(),
    disable: (handle, features) => library.disable(handle, features),
    open: (handle, name, mtu, level) => library.open(handle, name, mtu, level),
    openUserspace: (handle, path, mtu, level) => library.openUserspace(handle, path, mtu, level),
    interfaceName: (handle) => library.interfaceName(handle),
    logFd: (handle) => library.logFd(handle),
    endFd: (handle) => library.endFd(handle),
    lastFailure: (handle) => library.lastFailure(handle),
    run: (name, level) => library.run(name, level),
    closeNow: (handle) => library.closeNow(handle),
    close: async (handle) => {
      const result = await library.close(handle);
      resolveClosed();
      return result;
    },
    exchange: async (handle, request, answer) => {
      waiting();
      await closed;
      return library.exchange(handle, request, answer);
    },
  };
}

function isClosed(error: unknown): boolean {
  assert.ok(error instanceof WgBridgeError, String(error));
  assert.equal(error.code, "WG_BRIDGE_CLOSED");
  assert.match(error.message, /The tunnel wgf0 was closed/);
  return true;
}

describe("closing an ffi tunnel", () => {
  onlyInSandbox();

  it("does not wait for a pending exchange: that rejects, and so do those queued behind it", async () => {
    let resolveWaiting = () => {};
    const waiting = new Promise<void>((resolve) => {
      resolveWaiting = resolve;
    });
    const backend = new FfiBackend(await withWaitingExchange(() => resolveWaiting()));
    const tunnel = await backend.start({ name: "wgf0" });
    const exchanges = [ask(tunnel, "get=1\n\n"), ask(tunnel, "set=1\nfwmark=1\n\n")];
    const refused = exchanges.map((exchange) => assert.rejects(exchange, isClosed));
    await waiting;
    await Promise.all([tunnel.close(), tunnel.close()]);
    await Promise.all(refused);
    assertNothingLeft("wgf0");
  });
});
