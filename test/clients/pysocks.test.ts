import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { packageRoot } from "../../src/artifacts.js";
import { onlyInSandbox } from "../sandbox.js";
import { farAddress, useIntranet } from "./intranet.js";
import { describeClient, output, type Program } from "./program.js";

const script = `${packageRoot}/test/clients/pysocks.py`;
const python = `${packageRoot}/build/clients/python`;
const mark = existsSync(python)
  ? ""
  : " [skipped: PySocks is not installed: run scripts/test-tools]";

describeClient(
  "PySocks by wg-bridge proxy",
  ["python3", "dnsmasq"],
  (backend) => {
    onlyInSandbox();
    const intranet = useIntranet(backend);
    let command: Program;

    before(async () => {
      const { tunnel } = intranet();
      const users = intranet().file("users", "alice:secret\n");
      command = intranet().start("--socks5=0", `--auth=${users}`);
      for (const port of [8, 9]) {
        const socket = await tunnel.datagram({ port });
        socket.on("message", (_, from) => {
          socket.send(`${from.address} ${from.port}`, from.port, from.address);
        });
      }
      const [asked, other] = [
        await tunnel.datagram({ port: 10 }),
        await tunnel.datagram({ port: 11 }),
      ];
      asked.on("message", (port, { address }) => {
        other.send("from elsewhere", Number(port.toString()), address);
      });
    });

    it(`carries TCP, and UDP of one source to many targets`, async () => {
      const port = (await command.says(/SOCKS5 at (\S+)/)).split(":").at(-1) ?? "";
      const words = ["python3", script, port, farAddress, "server.tunnel"];
      assert.equal(await output(words, { env: { PYTHONPATH: python } }), "done\n");
    });
  },
  mark,
);
