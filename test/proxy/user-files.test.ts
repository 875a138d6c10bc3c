import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseProxyOptions } from "../../src/proxy/options.js";
import { readUserFiles } from "../../src/proxy/user-files.js";
import { says } from "./problem.js";

describe("the files of users and passwords", () => {
  let directory = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "wg-bridge-users-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function file(name: string, text: string, mode = 0o600): string {
    const path = join(directory, name);
    writeFileSync(path, text);
    chmodSync(path, mode); // whatever the umask is
    return path;
  }

  const read = (words: Parameters<typeof parseProxyOptions>[0]) =>
    readUserFiles(parseProxyOptions(words));

  it("are not needed", async () => {
    assert.deepEqual(await read({ socks5: ["1080"] }), { users: [], passwords: new Map() });
  });

  it("are read once each", async () => {
    const auth = file("users", "ann:a\nbob:b\n", 0o640);
    const password = file("p", "hunter2\n", 0o400);
    const { users, passwords } = await read({
      auth,
      socks5: [`ann:${password}@1080`],
      http: [`ben:${password}@unix:/run/http.sock`, "8080"],
    });
    assert.deepEqual(users, [
      { user: "ann", password: "a" },
      { user: "bob", password: "b" },
    ]);
    assert.deepEqual(passwords, new Map([[password, "hunter2"]]));
  });

  for (const mode of [0o644, 0o604, 0o602]) {
    it(`are refused with mode ${mode.toString(8)}`, async () => {
      const auth = file("users", "ann:a\n", mode);
      const why = `may be read or written by others (mode ${mode.toString(8)}), and contains passwords`;
      await assert.rejects(
        read({ auth }),
        says(
          "WG_BRIDGE_CONFIG",
          `The file ${auth}, which --auth names, ${why}: run "chmod 600 ${auth}".`,
        ),
      );
      await assert.rejects(
        read({ http: [`ann:${auth}@8080`] }),
        says(
          "WG_BRIDGE_CONFIG",
          `The file ${auth}, which --http names, ${why}: run "chmod 600 ${auth}".`,
        ),
      );
    });
  }

  it("are refused if they cannot be read, and what may be a password is not repeated", async () => {
    await assert.rejects(
      read({ socks5: ["ann:hunter2@127.0.0.1:1080"] }),
      says(
        "WG_BRIDGE_CONFIG",
        'The file that --socks5 names for the user "ann" cannot be read (ENOENT). After the colon, give the path of a file that contains the password, not the password itself.',
      ),
    );
    const auth = join(directory, "missing");
    await assert.rejects(
      read({ auth }),
      says(
        "WG_BRIDGE_CONFIG",
        `The file ${auth}, which --auth names, cannot be read (ENOENT: no such file or directory, open '${auth}'). Check the path, and run as a user who may read it.`,
      ),
    );
    const subdirectory = join(directory, "directory");
    mkdirSync(subdirectory);
    await assert.rejects(
      read({ auth: subdirectory }),
      says(
        "WG_BRIDGE_CONFIG",
        `The file ${subdirectory}, which --auth names, cannot be read (EISDIR: illegal operation on a directory, read). Check the path, and run as a user who may read it.`,
      ),
    );
  });

  it("are refused with the line of a mistake", async () => {
    const auth = file("users", "ann:a\nhunter2\n");
    await assert.rejects(
      read({ auth }),
      says(
        "WG_BRIDGE_CONFIG",
        `The file ${auth}, which --auth names: in line 2, there is no colon between a user and a password. Write a line USER:PASSWORD for each user.`,
      ),
    );
    await assert.rejects(
      read({ http: [`ann:${auth}@8080`] }),
      says(
        "WG_BRIDGE_CONFIG",
        'The file that --http names for the user "ann": in line 2, the file has more than one line. Write the password into it, and nothing else.',
      ),
    );
  });
});
