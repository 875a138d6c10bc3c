// node opening.js BACKEND DIRECTORY [restart]: tries to open a userspace tunnel whose socket is in the directory, and
// prints as JSON why it could not, and what is left.
import { readdirSync } from "node:fs";
import { openTunnel, PrivateKey } from "../../src/index.js";
import { engineProcesses } from "./engine-processes.js";

const [backend, directory = "", restart] = process.argv.slice(2);
if (backend !== "ffi" && backend !== "exec") throw new Error("ffi or exec?");
const options = {
  network: "userspace",
  backend,
  addresses: ["10.70.0.1"],
  config: { privateKey: PrivateKey.generate(), peers: [] },
  env: { ...process.env, XDG_RUNTIME_DIR: directory },
  ...(restart && { restart: true }),
} as const;
const open = async () => {
  try {
    const tunnel = await openTunnel(options);
    await tunnel.close();
    return ["opened"];
  } catch (error) {
    return error instanceof Error ? [Reflect.get(error, "code"), error.message] : [];
  }
};
const descriptors = () => readdirSync("/proc/self/fd").length;
await open(); // what a first tunnel leaves, such as the library, a second one does not
const before = descriptors();
const [code, message] = await open();
process.stdout.write(
  JSON.stringify({
    code,
    message,
    directories: readdirSync(directory),
    engines: engineProcesses(),
    descriptors: descriptors() - before,
  }),
);
