import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { onlyInSandbox } from "../sandbox.js";
import { congest, floodOf } from "./congestion.js";
import { congestionRows } from "./congestion-rows.js";
import { flood } from "./flood.js";
import { serverNamespace } from "./namespaces.js";
import { pings } from "./pings.js";
import { ownPrograms, reference } from "./programs.js";
import { queuedPackets } from "./qdisc.js";
import { Site } from "./site.js";

/** Seconds: longer than the pings take. */
const floodSeconds = 5;

/** Datagrams a second. */
const floodRate = 10_000;

/** Datagrams in a write, so that one read of the TUN device returns all of them, however busy the machine is. */
const joined = 40;

/** How long the path to x may take to become congested, in milliseconds. */
const congestionLimit = 5000;

const pingCount = 50;

/** Seconds. */
const pingInterval = 0.08;

/** On a busy machine, the queue of the TUN device loses some. */
const lossesAllowed = 20;

describe("a peer whose neighbour is behind a congested path", () => {
  onlyInSandbox();

  for (const program of ownPrograms.filter(({ name }) => name !== reference)) {
    it(`is answered on another uplink, on ${program.name}`, async () => {
      const row = congestionRows().find(({ id }) => id === "htb-pfifo-4m-two-udp");
      assert.ok(row !== undefined);
      await using site = await Site.make(row.uplinks);
      const { server, x, y } = await congest(site, row, program);
      const untilCongestedThenPing = async () => {
        const deadline = performance.now() + congestionLimit;
        while ((await queuedPackets(site.uplink(0))) === 0) {
          assert.ok(performance.now() < deadline, "the path to x was never congested");
          await delay(20);
        }
        return pings(serverNamespace, y.address, pingCount, pingInterval);
      };
      const [{ answered }] = await Promise.all([
        untilCongestedThenPing(),
        flood({ ...floodOf(x, floodRate, floodSeconds), joined }),
      ]);
      server.assertRuns();
      assert.ok(
        answered >= pingCount - lossesAllowed,
        `${answered} of ${pingCount} pings were answered`,
      );
    });
  }
});
