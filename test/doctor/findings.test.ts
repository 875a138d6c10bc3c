import assert from "node:assert/strict";
import type { BackendFacts } from "../../src/doctor/backends.js";
import type { MachineFacts } from "../../src/doctor/facts.js";
import { diagnose, type Finding } from "../../src/doctor/findings.js";
import { buildCommand } from "../../src/engine/remedy.js";
import { machineWithoutWg, soundMachine } from "./machine.js";

function finding(facts: MachineFacts, id: string): Finding {
  const found = diagnose(facts).findings.find((candidate) => candidate.id === id);
  assert.ok(found, id);
  return found;
}

const missingLibrary: BackendFacts["library"] = {
  path: "/lib.so",
  version: undefined,
  problem: { code: "WG_BRIDGE_LIBRARY_MISSING", message: "There is no library /lib.so." },
  refusal: undefined,
};
const lockedExecutable: BackendFacts["executable"] = {
  path: "/wireguard-go",
  version: undefined,
  problem: { code: "WG_BRIDGE_EXECUTABLE_NOT_EXECUTABLE", message: "It may not be executed." },
  refusal: undefined,
};

describe("the diagnosis", () => {
  it("finds no problem on a complete machine, and that a tunnel can be opened", () => {
    const { findings, canOpenTunnel } = diagnose(soundMachine);
    assert.deepEqual(
      findings.filter(({ mark, fixes }) => mark !== "ok" || fixes.length > 0),
      [],
    );
    assert.equal(canOpenTunnel, true);
  });

  it("says which engine encrypts by which instructions, of those that say it", () => {
    const { library, executable, userspaceExecutable } = soundMachine.backends;
    const detail = (ffi: string | undefined, exec: string, userspace: string) => {
      const backends = {
        ...soundMachine.backends,
        library: { ...library, cipher: ffi },
        executable: { ...executable, cipher: exec },
        userspaceExecutable: { ...userspaceExecutable, cipher: userspace },
      };
      return finding({ ...soundMachine, backends }, "cipher").detail;
    };
    assert.equal(detail("AVX-512", "AVX-512", "AVX-512"), "AVX-512 with ffi, exec, userspace");
    assert.equal(detail(undefined, "AVX2", "AVX-512"), "AVX2 with exec, AVX-512 with userspace");
    assert.ok(!diagnose(soundMachine).findings.some(({ id }) => id === "cipher"));
  });

  it("warns of an executable for userspace tunnels that is missing, or opens none", () => {
    const { userspaceExecutable } = soundMachine.backends;
    const problem = { code: "WG_BRIDGE_ENGINE", message: "No." } as const;
    const details = [{ problem }, { refusal: problem }].map((wrong) => {
      const facts = { ...userspaceExecutable, ...wrong };
      const backends = { ...soundMachine.backends, userspaceExecutable: facts };
      const machine = { ...soundMachine, backends };
      assert.equal(diagnose(machine).canOpenTunnel, true);
      const { mark, detail } = finding(machine, "userspace-executable");
      return `${mark} ${detail}`;
    });
    assert.deepEqual(details, [
      "warn WG_BRIDGE_ENGINE: No.",
      "warn /wireguard-go-userspace opens no tunnel: WG_BRIDGE_ENGINE: No.",
    ]);
  });

  it("says how to get CAP_NET_ADMIN", () => {
    const facts = { ...soundMachine, capNetAdmin: false };
    assert.equal(finding(facts, "net-admin").mark, "fail");
    assert.match(finding(facts, "net-admin").fixes.join("\n"), /sudo .*\n.*--cap-add NET_ADMIN/);
  });

  describe("of an opened tunnel", () => {
    const refusal = { code: "WG_BRIDGE_ENGINE", message: "No." } as const;
    const { library, executable } = soundMachine.backends;
    const withRefusals = (byLibrary: typeof refusal | undefined): MachineFacts => ({
      ...soundMachine,
      backends: {
        ...soundMachine.backends,
        library: { ...library, refusal: byLibrary },
        executable: { ...executable, refusal },
      },
    });

    it("says that none can be opened if none could, whatever else is as it should be", () => {
      const facts = withRefusals(refusal);
      assert.equal(diagnose(facts).canOpenTunnel, false);
      assert.equal(finding(facts, "tunnel").mark, "fail");
      assert.equal(
        finding(facts, "tunnel").detail,
        "with ffi WG_BRIDGE_ENGINE: No.; with exec WG_BRIDGE_ENGINE: No.",
      );
    });

    it("only warns if one backend could open it", () => {
      const facts = withRefusals(undefined);
      assert.equal(diagnose(facts).canOpenTunnel, true);
      assert.equal(finding(facts, "tunnel").mark, "warn");
      assert.match(finding(facts, "tunnel").detail, /with ffi; with exec WG_BRIDGE_ENGINE: No\./);
    });
  });

  describe("of the directory of sockets", () => {
    it("says that it can be made if it is missing", () => {
      const facts: MachineFacts = { ...soundMachine, socketDirectory: { state: "missing" } };
      assert.deepEqual(
        [finding(facts, "socket-directory").mark, finding(facts, "socket-directory").detail],
        ["ok", "can be made"],
      );
    });

    for (const [code, detail] of [
      ["EROFS", /read-only.*mount an emptyDir or a tmpfs there/],
      ["EACCES", /may not be written by this user \(EACCES\)/],
      ["ENOTDIR", /cannot be used \(ENOTDIR\)/],
    ] as const) {
      it(`says what ${code} means`, () => {
        const facts: MachineFacts = { ...soundMachine, socketDirectory: { state: "failed", code } };
        assert.equal(finding(facts, "socket-directory").mark, "fail");
        assert.match(finding(facts, "socket-directory").detail, detail);
      });
    }
  });

  describe("of the backends", () => {
    const withBackends = (backends: Partial<BackendFacts>): MachineFacts => ({
      ...soundMachine,
      backends: { ...soundMachine.backends, ...backends },
    });

    it("only warns of a library that cannot be used while the executable can", () => {
      const facts = withBackends({
        library: missingLibrary,
        auto: { backend: "exec", reason: "no library" },
      });
      assert.equal(finding(facts, "library").mark, "warn");
      assert.match(finding(facts, "library").detail, /WG_BRIDGE_LIBRARY_MISSING.*\/lib\.so/);
      assert.deepEqual(finding(facts, "library").fixes, [buildCommand]);
      assert.equal(diagnose(facts).canOpenTunnel, true);
    });

    it("says that no tunnel can be opened if neither can be used", () => {
      const facts = withBackends({
        library: missingLibrary,
        executable: lockedExecutable,
        auto: { backend: null, reason: "neither" },
      });
      assert.equal(finding(facts, "library").mark, "fail");
      assert.deepEqual(finding(facts, "executable").fixes, []);
      assert.equal(diagnose(facts).canOpenTunnel, false);
    });

    it("offers no fix for musl", () => {
      const facts = withBackends({
        library: {
          ...missingLibrary,
          problem: { code: "WG_BRIDGE_LIBRARY_MUSL", message: "musl" },
        },
        auto: { backend: "exec", reason: "musl" },
      });
      assert.deepEqual(finding(facts, "library").fixes, []);
    });

    it("leaves the fix for a file that others may write to its message", () => {
      const problem = { code: "WG_BRIDGE_UNTRUSTED", message: "Run chown root /lib.so" } as const;
      const facts = withBackends({ library: { ...missingLibrary, problem } });
      assert.deepEqual(finding(facts, "library").fixes, []);
      assert.match(finding(facts, "library").detail, /chown root/);
    });
  });

  describe("of namespaces", () => {
    const refused = { ok: false, message: "Operation not permitted" } as const;

    it("only warns if one of the two kinds can be created", () => {
      const facts = { ...soundMachine, networkNamespace: refused };
      assert.equal(finding(facts, "network-namespaces").mark, "warn");
      assert.equal(finding(facts, "network-namespaces").detail, "Operation not permitted");
    });

    it("fails if neither can be created, but still allows a tunnel", () => {
      const facts = { ...soundMachine, networkNamespace: refused, userNamespace: refused };
      assert.equal(finding(facts, "network-namespaces").mark, "fail");
      assert.equal(finding(facts, "user-namespaces").mark, "fail");
      assert.equal(diagnose(facts).canOpenTunnel, true);
    });

    for (const [name, forbids, fix] of [
      ["kernel.unprivileged_userns_clone", "0", "=1"],
      ["kernel.apparmor_restrict_unprivileged_userns", "1", "=0"],
      ["user.max_user_namespaces", "0", "=15000"],
    ] as const) {
      it(`names ${name} when that forbids user namespaces`, () => {
        const facts = { ...soundMachine, userNamespace: refused, sysctls: { [name]: forbids } };
        assert.deepEqual(finding(facts, "user-namespaces").fixes, [`sysctl -w ${name}${fix}`]);
      });
    }

    it("blames the container if no setting forbids them", () => {
      const facts = { ...soundMachine, userNamespace: refused };
      assert.match(finding(facts, "user-namespaces").fixes.join(), /seccomp/);
    });
  });

  describe("of tools", () => {
    it("says why one that is there cannot be run", () => {
      const [tool] = soundMachine.tools;
      assert.ok(tool);
      const facts = { ...soundMachine, tools: [{ ...tool, problem: "spawn EPERM" }] };
      assert.equal(finding(facts, "tool wg").mark, "fail");
      assert.equal(finding(facts, "tool wg").detail, "/usr/bin/wg cannot be run: spawn EPERM");
    });

    it("names the command that installs a missing tool here", () => {
      assert.equal(finding(machineWithoutWg, "tool wg").mark, "fail");
      assert.deepEqual(finding(machineWithoutWg, "tool wg").fixes, [
        "apt-get install --no-install-recommends wireguard-tools",
      ]);
    });

    it("names the command of each package manager if this one is unknown", () => {
      const facts = { ...machineWithoutWg, packageManager: undefined };
      assert.deepEqual(
        finding(facts, "tool wg").fixes.map((fix) => fix.split(" ")[0]),
        ["apt-get", "dnf", "apk", "pacman"],
      );
    });

    it("still allows a tunnel if one is missing", () => {
      assert.equal(diagnose(machineWithoutWg).canOpenTunnel, true);
    });

    it("only warns of a missing Go", () => {
      const facts = { ...soundMachine, versions: { ...soundMachine.versions, go: null } };
      assert.equal(finding(facts, "go").mark, "warn");
    });
  });
});
