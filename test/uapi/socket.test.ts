import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { attach, listServedInterfaces, openTunnel } from "../../src/index.js";
import {
  exchangeOverSocket,
  removeDeadSocket,
  socketPath,
  waitUntilFree,
} from "../../src/uapi/socket.js";
import { hasCode } from "../error-code.js";
import { onlyInSandbox } from "../sandbox.js";
import { StoppedServer } from "./stopped-server.js";

describe("a UAPI socket whose program is stopped, with as many connections as the kernel keeps", () => {
  onlyInSandbox();

  it("counts as served, is left alone, and is never waited for", async () => {
    await using stopped = await StoppedServer.start("wgs0");
    await stopped.fill();
    assert.deepEqual(await listServedInterfaces(), ["wgs0"]);
    await assert.rejects(attach("wgs0"), hasCode("WG_BRIDGE_TIMEOUT"));
    const exchange = exchangeOverSocket("wgs0", Buffer.from("get=1\n\n"));
    await assert.rejects(exchange, hasCode("WG_BRIDGE_TIMEOUT"));
    for (const backend of ["ffi", "exec"] as const) {
      const opening = openTunnel({ name: "wgs0", backend });
      await assert.rejects(opening, hasCode("WG_BRIDGE_SOCKET_IN_USE"));
    }
    await removeDeadSocket("wgs0");
    assert.ok(existsSync(socketPath("wgs0")));
  });
});

describe("a UAPI socket's path that cannot be removed", () => {
  onlyInSandbox();

  it("stays, which is no error", async () => {
    const path = socketPath("wgs1");
    mkdirSync(path, { recursive: true });
    await removeDeadSocket("wgs1");
    assert.ok(existsSync(path));
    rmSync(path, { recursive: true });
  });
});

describe("a UAPI socket whose program ends before it accepts a connection", () => {
  onlyInSandbox();

  it("is free", async () => {
    mkdirSync(dirname(socketPath("wgs2")), { recursive: true, mode: 0o700 });
    const server = createServer().listen(socketPath("wgs2"));
    await once(server, "listening");
    chmodSync(socketPath("wgs2"), 0o600);
    const isFree = waitUntilFree("wgs2", 10_000); // connects at once
    server.close();
    assert.equal(await isFree, true);
  });
});
