import { type Check, type CommandOptions, inSandbox, plain } from "./check.js";
import { readGoTests } from "./go-test.js";
import { findTestFiles, installerTests, sandboxedTests, unitTests } from "./mocha.js";
import { oneFailed, onePassed } from "./outcome.js";

// -trimpath, here and in scripts: what Go has built and tested in one clone, it need not in another.
const goTests: CommandOptions = {
  isBusy: true,
  read: ({ output, status }) => readGoTests(output, status),
};
const busy: CommandOptions = { isBusy: true };

/** Returns all checks but netnsChecks, the quick ones first. The commands run in the directory of package.json. */
export async function firstChecks(): Promise<readonly Check[]> {
  const { unit, sandboxed, installers } = await findTestFiles();
  return [
    plain("gofmt", [
      "bash",
      "-c",
      'unformatted=$(gofmt -l bench cmd go test); echo "$unformatted"; [[ -z $unformatted ]]',
    ]),
    plain("biome", ["node_modules/.bin/biome", "ci", "--colors=off", "--diagnostic-level=warn"]),
    plain("tsc", ["node_modules/.bin/tsc", "-p", ".", "--noEmit", "--incremental", "false"]),
    plain("go vet", ["go", "vet", "-trimpath", "./..."]),
    plain("shellcheck", ["scripts/shellcheck"]),
    plain("staticcheck", ["go", "tool", "staticcheck", "./..."]),
    plain("generated assembly", ["go", "run", "-C", "go/aead/generate", ".", "-check"]),
    unitTests(unit),
    inSandbox(
      "go test -race",
      ["scripts/sandbox", "go", "test", "-trimpath", "-race", "-json", "./..."],
      goTests,
    ),
    inSandbox(
      "go test -race, all offloads off",
      words("scripts/sandbox env WG_BRIDGE_DISABLE=all go test -trimpath -race -json ./go/soak"),
      goTests,
    ),
    // What must allocate nothing, and what takes long: the race detector allocates and is slow, so a build with it
    // leaves these tests out.
    inSandbox(
      "allocations and load",
      words(
        "scripts/sandbox go test -trimpath -json -run AllocatesNothing|TestLoad ./go/udp ./go/tun ./go/netstack ./go/station",
      ),
      goTests,
    ),
    plain("x/crypto with AVX-512", ["test/crypto.sh", "-json"], goTests),
    inSandbox("soak", ["scripts/soak", "60", "-json"], { ...goTests, isBusy: false }),
    plain("fuzz", ["scripts/fuzz", "20000"], busy),
    sandboxedTests(sandboxed),
    installerTests(installers),
    plain("reference", ["scripts/reference", "--check"]),
    inSandbox("package", ["test/package.sh"]),
  ];
}

/**
 * Returns the runs of netns.sh, which begin when all others have ended. It pings as soon as it has exchanged an IPv6
 * address for another. The kernel's worker that makes the new one usable needs a lock for all namespaces, and whoever
 * makes and deletes namespaces meanwhile may have it first.
 */
export function netnsChecks(): readonly Check[] {
  return [
    inSandbox(
      "netns.sh on exec, all offloads off",
      words("env WG_BRIDGE_DISABLE=all test/test.sh exec"),
      busy,
    ),
    inSandbox(
      "the comparison without root",
      words("scripts/unprivileged node dist/bench/main.js compare"),
      busy,
    ),
    inSandbox("netns.sh on exec", ["test/test.sh", "exec"], busy),
    inSandbox("netns.sh on ffi", ["test/test.sh", "ffi"], busy),
  ];
}

/** The check that reports on what the others did; it prints its result, which is not judged. */
export const coverage: Check = plain("coverage", ["scripts/coverage"], {
  read: ({ output, status }) =>
    status === 0 ? { ...onePassed, details: output } : oneFailed(output),
});

function words(command: string): string[] {
  return command.split(" ");
}
