// node library.js ROUNDS status|apply BACKEND PEERS: measures what the library costs against the wg
// command, in interleaved rounds. Run it by scripts/bench-library, which makes the sandbox and a process
// for each: a process that has grown takes longer to start another.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { openTunnel } from "../../src/index.js";
import { interleave, median, ratio, report, timed } from "./interleave.js";
import { configWithPeers } from "./peers.js";

const run = promisify(execFile);
const rounds = Number(process.argv[2] ?? 11);
const directory = mkdtempSync(`${tmpdir()}/bench-`);

/** What a program without the library does: ask wg, and split its answer. */
async function dumpAndSplit(name: string): Promise<readonly (readonly string[])[]> {
  const { stdout } = await run("wg", ["show", name, "dump"], { maxBuffer: 2 ** 28 });
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t"));
}

async function benchStatus(backend: "ffi" | "exec", count: number): Promise<void> {
  await using tunnel = await openTunnel({ name: "wgb0", backend, logLevel: "silent" });
  await tunnel.apply(configWithPeers(count));
  const times = await interleave(rounds, {
    status: () => timed(() => tunnel.status()),
    dump: () => timed(() => dumpAndSplit("wgb0")),
  });
  const share = ratio(times, "status", "dump");
  const took = (name: string) => median(times.get(name) ?? []).toFixed(1);
  console.log(`  status ${took("status")} ms, wg show dump ${took("dump")} ms`);
  report(`${backend}: status of ${count} peers / wg show dump`, share, "at most 0.5", share <= 0.5);
}

async function benchApply(backend: "ffi" | "exec", count: number): Promise<void> {
  const text = configWithPeers(count);
  const file = `${directory}/wgb0.conf`;
  writeFileSync(file, text, { mode: 0o600 });
  const onFreshTunnel = async (
    measure: (tunnel: Awaited<ReturnType<typeof openTunnel>>) => Promise<number>,
  ) => {
    await using tunnel = await openTunnel({ name: "wgb0", backend, logLevel: "silent" });
    return await measure(tunnel);
  };
  const again: number[] = [];
  const times = await interleave(rounds, {
    apply: () =>
      onFreshTunnel(async (tunnel) => {
        const first = await timed(() => tunnel.apply(text));
        const repeated: number[] = [];
        for (let turn = 0; turn < 5; turn++) repeated.push(await timed(() => tunnel.apply(text)));
        again.push(median(repeated) / first);
        return first;
      }),
    setconf: () => onFreshTunnel(() => timed(() => run("wg", ["setconf", "wgb0", file]))),
  });
  const share = ratio(times, "apply", "setconf");
  const took = (name: string) => median(times.get(name) ?? []).toFixed(1);
  console.log(`  apply ${took("apply")} ms, wg setconf ${took("setconf")} ms`);
  report(`${backend}: applying ${count} peers / wg setconf`, share, "at most 1.1", share <= 1.1);
  const repeated = median(again);
  report(
    `${backend}: applying them unchanged / the first time`,
    repeated,
    "at most 0.1",
    repeated <= 0.1,
  );
}

const [what, backend, count] = [process.argv[3], process.argv[4], Number(process.argv[5])];
if (backend !== "ffi" && backend !== "exec") throw new Error("ffi or exec?");
try {
  await (what === "status" ? benchStatus : benchApply)(backend, count);
} finally {
  rmSync(directory, { recursive: true });
}
