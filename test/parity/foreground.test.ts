import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exchangeOverSocket, socketPath } from "../../src/uapi/socket.js";
import {
  assertNothingLeft,
  endLeftTunnels,
  interfaceExists,
  ip,
  makeDeadSocket,
  onlyInSandbox,
} from "../sandbox.js";
import { environment, programs, Running, runToEnd } from "./programs.js";

/** A C program that opens a TUN interface and a UAPI socket, and runs a program with their descriptors. */
const descriptorPasser = `
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
  strcpy(request.ifr_name, argv[1]);
  int tun = open("/dev/net/tun", O_RDWR);
  if (ioctl(tun, TUNSETIFF, &request) != 0) return 99;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strcpy(address.sun_path, argv[2]);
  mkdir("/var/run/wireguard", 0755);
  int uapi = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(uapi, (struct sockaddr *)&address, sizeof address) != 0 || listen(uapi, 5) != 0) return 98;
  dup2(uapi, 11);
  dup2(tun, 13);
  setenv("WG_UAPI_FD", "11", 1);
  setenv("WG_TUN_FD", "13", 1);
  execv(argv[3], argv + 3);
  return 97;
}
`;

for (const program of programs) {
  describe(`${program.title} in the foreground`, () => {
    onlyInSandbox();
    endLeftTunnels("wg1", "wgfd");
    let directory = "";
    let passer = "";

    before(() => {
      directory = mkdtempSync(join(tmpdir(), "wg-bridge-parity-"));
      passer = join(directory, "passer");
      writeFileSync(`${passer}.c`, descriptorPasser);
      execFileSync("gcc", ["-o", passer, `${passer}.c`]);
    });

    after(() => rmSync(directory, { recursive: true }));

    for (const args of [[], ["wg1", "wg2"], ["-f"], ["-f", "wg1", "wg2"]]) {
      it(`prints its usage to standard output and exits with 0 if its arguments are ${JSON.stringify(args)}`, () => {
        const { code, stdout } = runToEnd(program, args);
        assert.equal(code, 0);
        assert.match(stdout, /^Usage: .*INTERFACE/);
      });
    }

    it("prints its version", () => {
      const { code, stdout } = runToEnd(program, ["--version"]);
      assert.equal(code, 0);
      assert.match(stdout, /^w\S+ v\S+\n\nUserspace WireGuard/);
    });

    const deletion = "the interface's deletion";
    const ways: readonly (readonly [string, (running: Running) => void])[] = [
      ["SIGTERM", (running) => running.process.kill("SIGTERM")],
      ["SIGINT", (running) => running.process.kill("SIGINT")],
      [deletion, () => ip("link", "del", "wg1")],
      ["its socket's removal", () => unlinkSync(socketPath("wg1"))],
    ];
    for (const [way, end] of ways) {
      it(`exits with 0 on ${way}, and leaves nothing behind`, async () => {
        const running = await new Running(program, ["-f", "wg1"]).answers("wg1");
        end(running);
        const { code, stdout, stderr } = await running.ended;
        assert.equal(code, 0, stderr);
        if (program.ours) assert.equal(stderr, "");
        // Upstream logs an error if Go's poller notices the deletion before a read does.
        if (!program.ours && way === deletion)
          assert.match(stdout, /^(ERROR: .* read \/dev\/net\/tun: not pollable\n)?$/);
        else assert.equal(stdout, "");
        assertNothingLeft("wg1");
      });
    }

    it("is requested by --foreground and by WG_PROCESS_FOREGROUND too", async () => {
      const calls: readonly (readonly [string[], NodeJS.ProcessEnv])[] = [
        [["--foreground", "wg1"], {}],
        [["wg1"], { WG_PROCESS_FOREGROUND: "1" }],
      ];
      for (const [args, settings] of calls) {
        const running = await new Running(program, args, settings).answers("wg1");
        running.process.kill("SIGTERM");
        assert.equal((await running.ended).code, 0);
      }
    });

    const levels: readonly (readonly [string, RegExp])[] = [
      ["verbose", /^DEBUG: \(wg1\) .*Starting wireguard-go version/],
      ["debug", /^DEBUG: \(wg1\) .*Starting wireguard-go version/],
      ["error", /^ERROR: \(wg1\) .*invalid UAPI device key: nonsense/],
      ["anything", /^ERROR: \(wg1\) .*invalid UAPI device key: nonsense/],
      ["silent", /^$/],
    ];
    for (const [level, expected] of levels) {
      it(`logs to standard output what LOG_LEVEL=${level} allows`, async () => {
        const settings = { LOG_LEVEL: level };
        const running = await new Running(program, ["-f", "wg1"], settings).answers("wg1");
        const answer = String(
          await exchangeOverSocket("wg1", Buffer.from("set=1\nnonsense=1\n\n")),
        );
        assert.equal(answer, "errno=-22\n\n");
        running.process.kill("SIGTERM");
        assert.match((await running.ended).stdout, expected);
      });
    }

    it("reports once why it cannot create the interface, and exits with 1", () => {
      ip("link", "add", "wg1", "type", "veth", "peer", "name", "wg1peer");
      try {
        const { code, stdout, stderr } = runToEnd(program, ["-f", "wg1"]);
        assert.equal(code, 1);
        if (program.ours) {
          assert.equal(stdout, "");
          assert.match(stderr, /^wg-bridge: [^\n]*wg1 exists already[^\n]*\n$/);
        } else {
          assert.match(stdout, /^ERROR: \(wg1\) .*Failed to create TUN device: /);
        }
      } finally {
        ip("link", "del", "wg1");
      }
      assertNothingLeft("wg1");
    });

    it("replaces a dead socket", async () => {
      makeDeadSocket("wg1");
      const running = await new Running(program, ["-f", "wg1"]).answers("wg1");
      running.process.kill("SIGTERM");
      assert.equal((await running.ended).code, 0);
    });

    it("serves the interface and the socket whose descriptors it receives", async () => {
      const path = socketPath("wgfd");
      const args = ["wgfd", path, program.command, "-f", "wgfd"];
      const running = await new Running({ ...program, command: passer }, args).answers("wgfd");
      assert.ok(interfaceExists("wgfd"));
      running.process.kill("SIGTERM");
      assert.equal((await running.ended).code, 0);
      assertNothingLeft("wgfd");
    });

    it("is shown by wg(8)", async () => {
      const running = await new Running(program, ["-f", "wg1"]).answers("wg1");
      const env = environment(program, {});
      assert.equal(execFileSync("wg", ["show", "interfaces"], { env, encoding: "utf8" }), "wg1\n");
      running.process.kill("SIGTERM");
      await running.ended;
    });
  });
}
