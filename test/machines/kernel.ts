// node kernel.js ARCH [NODE-VERSION]: both backends of the packages on Debian 11's kernel, Linux 5.10, in a machine that
// qemu-system emulates instruction by instruction. The machine has no disk and no network device.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { packageRoot } from "../../src/artifacts.js";
import { readLines } from "../../src/backends/lines.js";
import { requireProgram, runProgram } from "./program.js";
import { Project, pathFrom } from "./project.js";

const machines = {
  x64: { node: "20", emulator: "qemu-system-x86_64", board: "q35", console: "ttyS0" },
  arm64: { node: "24", emulator: "qemu-system-aarch64", board: "virt", console: "ttyAMA0" },
};

const [arch] = process.argv.slice(2);
if (arch !== "x64" && arch !== "arm64") throw new Error("name x64 or arm64");
const machine = machines[arch];
requireProgram(machine.emulator);
requireProgram("cpio");
const debian = pathFrom("bullseye", arch);
const node = pathFrom("node", machine.node, arch);
await using project = await Project.make(arch);
const initramfs = `${packageRoot}/build/machines/initramfs-${arch}`;
const packed = await runProgram(
  "test/machines/initramfs.sh",
  debian,
  node,
  project.directory,
  initramfs,
);
process.exitCode = packed === 0 ? await boot() : packed;

/** Boots the machine, and resolves with the exit status when it has printed machine-init.sh's last line. */
async function boot(): Promise<number> {
  const board = ["-machine", machine.board];
  const hardware = ["-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", "2048"];
  const devices = ["-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"];
  const boots = ["-kernel", `${debian}/vmlinuz`, "-initrd", initramfs];
  // After a panic the machine would reboot at once, and so it ends.
  const commandLine = ["-append", `console=${machine.console} quiet panic=-1`];
  const child = spawn(
    machine.emulator,
    [...board, ...hardware, ...devices, ...boots, ...commandLine],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const ended = once(child, "exit");
  let works = false;
  await readLines(child.stdout, (line) => {
    const [, release, how] = /^wg-bridge: Linux (\S+) (works|does not work)\r?$/.exec(line) ?? [];
    console.log(line.trimEnd());
    if (release === undefined) return;
    works = how === "works" && release.startsWith("5.10.");
    child.kill("SIGKILL");
  });
  await ended;
  return works ? 0 : 1;
}
