// node echo.js ADDRESS: sends back whatever it is sent, to one client after another. Prints its port.
import { createServer } from "node:net";

const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
server.listen(0, process.argv[2], () => {
  const address = server.address();
  if (typeof address === "object") console.log(address?.port);
});
