// node main.js compare|tunnels [OPTION...]: what `npm run compare` and `npm run bench` call.

import { compareCommand } from "./compare/command.js";
import { benchCommand } from "./tunnels/command.js";

const [name, ...args] = process.argv.slice(2);
const command = name === "compare" ? compareCommand : benchCommand;
process.exitCode = await command(args, process.env);
