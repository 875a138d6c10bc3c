import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { packageRoot } from "../src/artifacts.js";
import { abiVersion } from "../src/backends/ffi/loading.js";
import { libraryPath } from "../src/engine/files.js";
import { onlyInSandbox } from "./sandbox.js";

const header = `${packageRoot}/cmd/wireguard_go_bridge/wireguard_go_bridge.h`;
const library = libraryPath({});

/** The functions that the header declares. */
const declared = [...readFileSync(header, "utf8").matchAll(/^int (\w+)\(/gm)].map(
  ([, name = ""]) => name,
);

describe("wireguard_go_bridge.h", () => {
  onlyInSandbox();

  let directory = "";

  before(() => {
    directory = mkdtempSync(`${tmpdir()}/wg-bridge-header-`);
  });
  after(() => rmSync(directory, { recursive: true }));

  /** Compiles a C program against the header and the library, as strictly as gcc can, and runs it. */
  function runC(body: string): string {
    const source = `${directory}/program.c`;
    const program = `${directory}/program`;
    writeFileSync(
      source,
      `#include <stdio.h>\n#include "${header}"\nint main(void) {\n${body}\n}\n`,
    );
    const flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
    execFileSync("gcc", [...flags, source, library, "-o", program]);
    return execFileSync(program, { encoding: "utf8" });
  }

  it("declares exactly the functions that the library exports", () => {
    const symbols = execFileSync("nm", ["-D", "--defined-only", library], { encoding: "utf8" });
    const exported = [...symbols.matchAll(/ T ((?:wg|Run)\w*)$/gm)].map(([, name = ""]) => name);
    assert.deepEqual(exported.sort(), [...declared].sort());
  });

  it("names the version that the library returns and that this package requires", () => {
    const answered = runC(
      "char version[16]; return wgAbiVersion(version, sizeof version) < 0 || puts(version) < 0;",
    ).trim();
    assert.equal(answered, abiVersion);
    assert.match(readFileSync(header, "utf8"), new RegExp(`ABI version ${answered}\\.`));
  });

  it("is enough for a C program to open a handle, fail, read why, and close", () => {
    const output = runC(`
      char text[512];
      int handle = wgNew();
      printf("%d %d ", wgDisable(handle, "tso4,udp-gro"), wgDisable(handle, "tso"));
      printf("%d ", wgOpen(handle, "a/b", 0, WG_LOG_SILENT, -1, -1));
      printf("%d ", wgLastError(handle, text, sizeof text) > 0);
      printf("%d ", wgClose(handle));
      printf("%d %s\\n", wgClose(handle), text);
      return 0;`);
    assert.match(output, /^0 -22 -22 1 0 -9 .*interface name "a\/b" holds '\/'/);
  });

  it("describes what a C program receives for invalid buffers and strings", () => {
    const output = runC(`
      char buffer[64];
      int handle = wgNew();
      char *none = NULL;
      printf("%d %d %d ", wgExchange(handle, "get=1\\n\\n", -1, buffer, 64),
        wgExchange(handle, "get=1\\n\\n", 0, buffer, 64), wgExchange(handle, none, 7, buffer, 64));
      printf("%d %d %d ", wgExchange(handle, "get=1\\n\\n", 7, none, 64),
        wgExchange(handle, "get=1\\n\\n", 7, buffer, 0), wgExchange(handle, "get=1\\n\\n", 7, buffer, -2147483647 - 1));
      printf("%d %d %d ", wgAbiVersion(none, 64), wgAbiVersion(buffer, -1), wgAbiVersion(buffer, 0));
      printf("%d %d %d ", wgLastError(handle, none, 64), wgLastError(handle, buffer, -1), wgLastError(0, none, 1));
      printf("%d %d ", wgDisable(handle, none), wgOpen(handle, none, 0, WG_LOG_SILENT, -1, -1));
      printf("%d %d ", wgOpenUserspace(handle, none, 0, WG_LOG_SILENT), wgOpenUserspace(handle, "station", 0, WG_LOG_SILENT));
      printf("%d ", wgName(handle, buffer, -1));
      printf("%d ", wgClose(handle));
      printf("%d", wgExchange(handle, none, -1, none, -1));
      return 0;`);
    const [invalid, closed] = ["-22", "-9"];
    const answers = output.split(" ");
    // wgName first checks whether there is a tunnel.
    assert.deepEqual(answers, [...Array<string>(16).fill(invalid), "-107", "0", closed]);
  });
});
