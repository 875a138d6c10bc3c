// node echo.js ADDRESS: a TCP server that echoes what each client sends. Prints its port.
import { createServer } from "node:net";

const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
server.listen(0, process.argv[2], () => {
  const address = server.address();
  if (typeof address === "object") console.log(address?.port);
});
