import assert from "node:assert/strict";
import { onlyInSandbox } from "../sandbox.js";
import { useIntranet } from "./intranet.js";
import { describeClient, runClient } from "./program.js";
import { bytes, sum } from "./transfer.js";

const size = 8 << 20;

describeClient("ncat by wg-bridge proxy", ["ncat", "dnsmasq"], (backend) => {
  onlyInSandbox();
  const intranet = useIntranet(backend);
  let proxy: string;

  before(async () => {
    const users = intranet().file("users", "alice:secret\n");
    // Both on one port.
    const command = intranet().start("--socks5=1080", "--http=1080", `--auth=${users}`);
    proxy = await command.says(/HTTP at (\S+)/);
  });

  for (const type of ["socks5", "http"]) {
    const ncat = (user: string, ...target: readonly string[]) => {
      const words = ["ncat", "--proxy", proxy, "--proxy-type", type, "--proxy-auth", user];
      return [...words, "--proxy-dns", "remote", ...target];
    };

    // ncat ends its side after its input, and reads on.
    it(`carries what it sends, and its end, through ${type}`, async () => {
      const echo = ncat("alice:secret", "server.tunnel", "7");
      const { code, hash } = await runClient(echo, { input: bytes(size) });
      assert.equal(code, 0);
      assert.equal(hash, await sum(bytes(size)));
    });

    it(`does not let a wrong password through ${type}`, async () => {
      const { code, stdout } = await runClient(ncat("alice:wrong", "server.tunnel", "7"));
      assert.equal(code, 1);
      assert.equal(stdout, "");
    });
  }
});
