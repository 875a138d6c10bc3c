import { architectures } from "./published.js";

/** A processor of packages/platforms.json that another one has to emulate. */
export interface Processor {
  /** As Node.js names it. */
  readonly arch: string;
  /** The command of qemu-user that runs its programs. */
  readonly emulator: readonly string[];
  readonly bigEndian: boolean;
}

/** qemu's names, if they differ from those of Node.js. */
const emulators: Readonly<Record<string, readonly string[]>> = {
  arm64: ["qemu-aarch64-static"],
  // The oldest that the package is for: the one of the Raspberry Pi 1 and Zero.
  arm: ["qemu-arm-static", "-cpu", "arm1176"],
  ppc64: ["qemu-ppc64le-static"],
  loong64: ["qemu-loongarch64-static"],
};

/** The processors that packages are built for, without x64, which the release check itself runs on. */
export const foreignProcessors: readonly Processor[] = architectures
  .filter((arch) => arch !== "x64")
  .map((arch) => ({
    arch,
    emulator: emulators[arch] ?? [`qemu-${arch}-static`],
    bigEndian: arch === "s390x",
  }));
