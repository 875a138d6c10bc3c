import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { packageRoot } from "../../src/artifacts.js";
import { installCommands, packageManagers, parsePackages } from "../../src/doctor/packages.js";

describe("the table of packages", () => {
  it("names a package of each distribution for each tool that netns.sh and wg-quick need", async () => {
    const table = parsePackages(await readFile(`${packageRoot}/scripts/packages`, "utf8"));
    for (const { tool, packages } of table) {
      for (const manager of packageManagers) assert.ok(packages[manager], `${tool} for ${manager}`);
    }
    const tools = table.map(({ tool }) => tool);
    for (const tool of [
      "wg",
      "wg-quick",
      "iperf3",
      "ncat",
      "ping",
      "ping6",
      "iptables",
      "ip",
      "ss",
    ]) {
      assert.ok(tools.includes(tool), tool);
    }
  });

  it("skips comments and blank lines", () => {
    assert.deepEqual(parsePackages("# tool apt\n\nncat  ncat nmap-ncat nmap-ncat nmap\n"), [
      {
        tool: "ncat",
        packages: { apt: "ncat", dnf: "nmap-ncat", apk: "nmap-ncat", pacman: "nmap" },
      },
    ]);
  });

  it("names only the command of this machine's package manager if it is known", () => {
    const packages = { apt: "ncat", dnf: "nmap-ncat", apk: "nmap-ncat", pacman: "nmap" };
    assert.deepEqual(installCommands(packages, "dnf"), ["dnf install nmap-ncat"]);
  });
});
