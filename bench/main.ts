// node main.js NAME [OPTION...]: what `npm start`, `npm run compare` and `npm run bench` run.
import type { Bench } from "./bench.js";
import { benchCommand } from "./command.js";
import { importing } from "./import.js";
import { library } from "./library.js";
import { comparison } from "./netns/netns.js";
import { openClose } from "./open-close.js";
import { start } from "./start.js";
import { startUp } from "./start-up.js";
import { tunnels } from "./tunnels/tunnels.js";
import { userspace } from "./userspace/userspace.js";

const benches: readonly Bench[] = [tunnels, startUp, library, importing, openClose, userspace];
const [name, ...args] = process.argv.slice(2);
const bench = [comparison(), ...benches].find((bench) => bench.name === name);
if (name === "start") {
  process.exitCode = await start(args, process.env);
} else if (bench !== undefined) {
  process.exitCode = await benchCommand(bench, args, process.env);
} else if (name === undefined || (name.startsWith("-") && name !== "--help" && name !== "-h")) {
  process.exitCode = await benchCommand(tunnels, process.argv.slice(2), process.env);
} else {
  const list = benches.map(({ name, description }) => `  ${name.padEnd(10)}  ${description}\n`);
  process.stdout.write(`Usage: npm run bench -- [NAME] [OPTION...]
       npm run compare -- [OPTION...]

${list.join("")}
Without a NAME, tunnels. NAME --help, and npm run compare -- --help, describe the options.
`);
  process.exitCode = name.startsWith("-") ? 0 : 1;
}
