import type { RunningStation, TunnelEnd } from "../../src/backends/backend.js";
import { Station } from "../../src/station/station.js";
import { UserspaceHandle } from "../../src/userspace/handle.js";
import type { UserspaceTunnel } from "../../src/userspace/tunnel.js";
import { FakeStation } from "./fake-station.js";

/** A userspace tunnel over a FakeStation. */
export interface FakeTunnel extends AsyncDisposable {
  readonly station: FakeStation;
  readonly client: Station;
  readonly tunnel: UserspaceTunnel;
  /** Ends the engine as if its process had been killed, and hangs up. */
  lose(): void;
}

export async function openFakeTunnel(): Promise<FakeTunnel> {
  const station = await FakeStation.open();
  let finish: (end: TunnelEnd) => void = () => {};
  const ended = new Promise<TunnelEnd>((resolve) => {
    finish = resolve;
  });
  const close = async () => finish({ reason: "closed", message: "The tunnel fake was closed." });
  const running: RunningStation = {
    backend: "exec",
    name: "fake",
    path: station.path,
    ended,
    isAlive: () => undefined, // so that it is asked
    exchange: async () => Buffer.from("errno=0\n\n"),
    abandon: () => {},
    close,
    [Symbol.asyncDispose]: close,
  };
  const client = await Station.open(running);
  const network = { addresses: ["127.0.0.1"], dns: [], search: [] };
  const tunnel = new UserspaceHandle(
    { running, reason: "a test", watch: {} },
    { station: client, network, proxies: new Set() },
  );
  return {
    station,
    client,
    tunnel,
    lose() {
      station.kill();
      setTimeout(() => finish({ reason: "lost", message: "The engine was killed." }), 40);
    },
    async [Symbol.asyncDispose]() {
      await tunnel.close();
      await station[Symbol.asyncDispose]();
    },
  };
}
