// The life of a tunnel on each backend that is named: open, ping, many calls beside timers and signals, close. It is run
// by other runtimes than the tests, and prints a line for each backend.

import assert from "node:assert/strict";
import { once } from "node:events";
import { messageOf, systemCodeOf } from "../../src/errors.js";
import { Pair } from "../pair.js";

async function live(pair: Pair): Promise<void> {
  const { near } = pair;
  await pair.ping(5);
  const [peer] = (await near.status()).peers;
  assert.ok(peer?.latestHandshake !== undefined);

  // The event loop goes on beside calls into the engine.
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  while (ticks < 3) await Promise.all(Array.from({ length: 10 }, () => near.status()));
  clearInterval(timer);

  // Go's runtime has signal handlers as well.
  for (const signal of ["SIGUSR2", "SIGHUP", "SIGTERM"] as const) {
    const received = once(process, signal);
    process.kill(process.pid, signal);
    await received;
  }
}

for (const [index, backend] of process.argv.slice(2).entries()) {
  if (backend !== "auto" && backend !== "ffi" && backend !== "exec") throw new Error(backend);
  try {
    const pair = await Pair.open({ number: index + 1, near: { backend }, far: { backend } });
    const { backend: used, reason } = pair.near;
    try {
      await live(pair);
    } finally {
      await pair[Symbol.asyncDispose]();
    }
    process.stdout.write(`${backend} uses ${used}: ${reason}\n`);
  } catch (error) {
    process.stdout.write(`${backend} fails: ${systemCodeOf(error)}: ${messageOf(error)}\n`);
  }
}
