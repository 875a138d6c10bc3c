// node start-once.js BACKEND NAME: starts a tunnel and closes it. Prints "started", or the error's code and
// message.

import { WgBridgeError } from "../../src/errors.js";
import { parseBackendRequest } from "../../src/strategy/choose.js";
import { openBackend } from "../../src/strategy/open.js";

const [request = "", name = ""] = process.argv.slice(2);
try {
  const { backend } = await openBackend(parseBackendRequest(request));
  const tunnel = await backend.start({ name });
  await tunnel.close();
  console.log("started");
} catch (error) {
  console.log(error instanceof WgBridgeError ? `${error.code} ${error.message}` : error);
}
