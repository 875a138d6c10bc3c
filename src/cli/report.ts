import { failureError, lateError } from "../backends/exec/foreground-end.js";
import { removeDeadSocket } from "../uapi/socket.js";
import { say } from "./say.js";

// What an executable that ran a tunnel in wg-bridge's place becomes after a failure: it ends as wg-bridge would have.

const [executable = "", name = "", status = "", signal = ""] = process.argv.slice(2);
await removeDeadSocket(name);
const ended = { executable, name };
const error = signal === "" ? failureError(ended, status, process.env) : lateError(ended, signal);
if (error !== undefined) say(error.message);
process.exitCode = 1;
