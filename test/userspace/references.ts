// node references.js BACKEND: does what a program can do with ref() and unref(), and prints as JSON after each step how
// many handles keep the process alive, beside those of two open tunnels.
import { once } from "node:events";
import { Socket } from "node:net";
import { openPair } from "./engines.js";

const [backend] = process.argv.slice(2);
if (backend !== "ffi" && backend !== "exec") throw new Error("ffi or exec?");
/** Node.js lists only what keeps its event loop alive. */
const handles = () => process.getActiveResourcesInfo().filter((name) => name === "PipeWrap").length;
const without = handles();
const pair = await openPair({ near: { backend }, far: { backend } });
const { tunnel, farAddress: host } = pair;

let before = handles();
const steps: [string, number][] = [["open tunnels", Math.min(before - without, 1)]];
const note = (step: string) => steps.push([step, handles() - before]);

const server = await tunnel.listen({ port: 0 });
note("a server listens");
server.unref();
note("its unref()");
server.ref().ref();
note("its ref()");
server.unref();

const connected = once(server, "connection");
const dialled = pair.dial(server.address()?.port ?? 0);
await once(dialled, "connect");
const [accepted] = await connected;
if (!(accepted instanceof Socket)) throw new Error("not a socket");
note("two ends of a connection");
accepted.unref();
note("unref() of the accepted");
dialled.unref();
note("unref() of the other");
dialled.ref();
note("its ref()");
dialled.destroy();
await once(accepted.resume(), "close");
note("its end");

let serve = (_socket: Socket) => {};
const served = new Promise<Socket>((resolve) => {
  serve = resolve;
});
const port = await pair.serve((socket) => serve(socket.unref()));
before = handles(); // with the other tunnel's server
const early = tunnel.createConnection({ host, port });
early.unref();
const [far] = await Promise.all([served, once(early, "connect")]);
note("unref() before it is connected");
early.ref();
note("its ref() after that");
const ended = [once(early, "close"), once(far, "close")];
early.destroy();
far.destroy();
await Promise.all(ended);

const datagram = await tunnel.datagram();
note("a datagram socket");
datagram.unref();
note("its unref()");
datagram.ref();
note("its ref()");
datagram.close();
await once(datagram, "close");
note("its end");

const asking = tunnel.stats();
note("a question");
await asking;
note("its answer");

process.stdout.write(JSON.stringify(steps));
await pair[Symbol.asyncDispose]();
