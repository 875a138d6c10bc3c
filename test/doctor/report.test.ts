import assert from "node:assert/strict";
import type { ArtifactFacts } from "../../src/doctor/backends.js";
import type { MachineFacts } from "../../src/doctor/facts.js";
import { diagnose } from "../../src/doctor/findings.js";
import { formatReport } from "../../src/doctor/report.js";
import { colouredStyle, plainStyle } from "../../src/text/style.js";
import { machineWithoutWg, soundMachine } from "./machine.js";

describe("doctor's report", () => {
  it("says which backend auto chooses and that a tunnel can be opened", () => {
    const report = formatReport(diagnose(soundMachine), plainStyle);
    assert.match(report, /^--backend=auto chooses ffi: auto prefers ffi$/m);
    assert.match(report, /^This user can open a tunnel\.$/m);
  });

  it("prints each fix on a line of its own below the failed finding", () => {
    const report = formatReport(
      diagnose({ ...machineWithoutWg, packageManager: undefined }),
      plainStyle,
    );
    assert.match(
      report,
      /^fail {2}wg +not found\n +fix: apt-get .*\n +or: +dnf .*\n +or: +apk .*\n +or: +pacman .*$/m,
    );
  });

  it("aligns the findings", () => {
    const report = formatReport(diagnose(soundMachine), plainStyle);
    const columns = report
      .split("\n")
      .filter((line) => line.startsWith("ok "))
      .map((line) => /^\S+ +.*? {2,}(?=\S)/.exec(line)?.[0].length);
    assert.ok(columns.length > 5);
    assert.equal(new Set(columns).size, 1);
  });

  it("names what prevents a tunnel from being opened", () => {
    const refusal = { code: "WG_BRIDGE_PERMISSION", message: "No." } as const;
    const { library, executable } = soundMachine.backends;
    const backends = {
      ...soundMachine.backends,
      library: { ...library, refusal },
      executable: { ...executable, refusal },
    };
    const reportOf = (facts: MachineFacts) =>
      formatReport(diagnose({ ...facts, backends }), plainStyle);
    assert.match(
      reportOf({ ...soundMachine, capNetAdmin: false }),
      /^This user cannot open a tunnel\. Missing: CAP_NET_ADMIN\.$/m,
    );
    assert.match(
      reportOf(soundMachine),
      /^This user cannot open a tunnel\. The line "a tunnel" says why\.$/m,
    );
  });

  it("names userspace tunnels where no other can be opened, and they can", () => {
    const refusal = { code: "WG_BRIDGE_PERMISSION", message: "No." } as const;
    const { library, executable, userspaceExecutable } = soundMachine.backends;
    const reportOf = (userspace: ArtifactFacts) =>
      formatReport(
        diagnose({
          ...soundMachine,
          backends: {
            ...soundMachine.backends,
            library: { ...library, refusal },
            executable: { ...executable, refusal },
            userspaceExecutable: userspace,
          },
        }),
        plainStyle,
      );
    const offered = /^It can open userspace tunnels, which need no interface: wg-bridge proxy/m;
    assert.match(reportOf(userspaceExecutable), offered);
    assert.doesNotMatch(reportOf({ ...userspaceExecutable, refusal }), offered);
    assert.doesNotMatch(formatReport(diagnose(soundMachine), plainStyle), offered);
  });

  it("has escape sequences only with colour", () => {
    const diagnosis = diagnose(machineWithoutWg);
    assert.equal(formatReport(diagnosis, plainStyle).includes("\u001b"), false);
    assert.ok(formatReport(diagnosis, colouredStyle).includes("\u001b[31mfail\u001b[39m"));
  });
});
