// node rounds.js ROUNDS: in each round, opens three ffi tunnels with addresses at once, asks each for its status
// and closes them. Each open runs ip(8), so that SIGCHLD arrives while the engine runs.
import { openTunnel } from "../../../src/index.js";

const rounds = Number(process.argv[2]);

async function once(number: number): Promise<void> {
  const addresses = [`10.70.${number}.1/24`, `fd70:${number}::1/64`];
  const tunnel = await openTunnel({ name: `wgr${number}`, backend: "ffi", addresses });
  await tunnel.status();
  await tunnel.close();
}

for (let round = 0; round < rounds; round++) await Promise.all([1, 2, 3].map(once));
