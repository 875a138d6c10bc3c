import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { constants } from "node:os";
import { onlyInSandbox } from "../../sandbox.js";
import { denying, denyObstacle, denySkipped } from "../../seccomp/deny.js";
import { Command, childrenOf, dial, echoes } from "./command.js";
import { FarEnd } from "./far-end.js";

/** AF_NETLINK of socket(2). */
const netlink = 16;

for (const backend of ["exec", "ffi"] as const) {
  describe(`wg-bridge proxy on ${backend}, when its machine fails it`, function () {
    this.timeout(120_000);
    onlyInSandbox();

    let far: FarEnd;
    before(async () => {
      far = await FarEnd.open();
    });
    after(() => far?.[Symbol.asyncDispose]());

    const forwarding = async (under: readonly string[] = []) => {
      const words = [`--backend=${backend}`, `--forward=0=${far.echo}`, far.config];
      const command = new Command(words, under);
      const [forward = ""] = await command.says(/tcp (\S+) leads to/);
      return { command, port: Number(forward.split(":")[1]) };
    };

    it("serves those whom it can without free descriptors, and the rest once there are some", async () => {
      const { command, port } = await forwarding(["sh", "-c", 'ulimit -n 128 && exec "$@"', "sh"]);
      await using _ = command;
      const answered = new Set<Socket>();
      const failed: unknown[] = [];
      const sockets = Array.from({ length: 150 }, () => connect(port, "127.0.0.1"));
      for (const socket of sockets) {
        socket.on("error", (error) => failed.push(error)).on("data", () => answered.add(socket));
        socket.write("waiting");
      }
      const untilAnswered = (count: number) =>
        new Promise<void>((resolve) => {
          const look = () => void (answered.size >= count && resolve());
          for (const socket of sockets) socket.on("data", look);
          look();
        });
      await command.says(/cannot accept a connection.*too many open files.*ulimit -n/);
      await untilAnswered(20);
      assert.ok(answered.size < 128, String(answered.size));
      await Promise.all([...answered].map(echoes)); // what is open is not disturbed
      for (const socket of sockets) {
        if (answered.has(socket)) socket.destroy();
        else socket.once("data", () => socket.destroy());
      }
      await untilAnswered(sockets.length);
      assert.deepEqual(failed, []);
      for (const socket of sockets) socket.destroy();
      const last = await dial(port);
      await echoes(last);
      last.destroy();
    });

    it(`works without netlink${denySkipped}`, async function () {
      if (denyObstacle !== undefined) this.skip();
      const under = denying("socket", constants.errno.EPERM, netlink);
      const { command, port } = await forwarding(under);
      await using _ = command;
      const socket = await dial(port);
      await echoes(socket);
      socket.end();
      command.child.kill("SIGTERM");
      assert.equal((await command.ended()).code, 0);
    });

    if (backend === "exec") {
      it("ends a hundred connections if its engine is killed, and serves again", async () => {
        const { command, port } = await forwarding();
        await using _ = command;
        const sockets = await Promise.all(Array.from({ length: 100 }, () => dial(port)));
        await Promise.all(sockets.map(echoes));
        const ended = sockets.map((socket) =>
          once(
            socket.on("error", () => {}),
            "close",
          ),
        );
        const [engine] = childrenOf(command.child.pid);
        process.kill(Number(engine), "SIGKILL");
        await command.says(/SIGKILL/);
        await Promise.all(ended);
        await command.says(/was started again, and its proxies/);
        const again = await dial(port);
        await echoes(again);
        again.end();
        command.child.kill("SIGTERM");
        assert.equal((await command.ended()).code, 0);
      });
    }
  });
}
