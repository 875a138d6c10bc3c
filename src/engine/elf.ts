import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** What the headers of an ELF file say. Source: elf(5). */
export interface ElfFile {
  /** The machine's name as Node spells it in process.arch, or its ELF number. */
  readonly architecture: string;
  readonly endianness: "LE" | "BE";
  /** ET_DYN: a shared library, or a position-independent executable. */
  readonly shared: boolean;
  /** The path of the dynamic loader (PT_INTERP). */
  readonly interpreter: string | undefined;
}

/** Why a file cannot be an intact ELF file. */
export type ElfFault = "empty" | "not-elf" | "truncated";

/** How many bytes from a file's start parseElf needs: the header and, as linkers place them, the program headers. */
export const elfHeadBytes = 8192;

/** The longest path of a loader that is read: the kernel's PATH_MAX. */
const maxInterpreterBytes = 4096;

const machines: Readonly<Record<string, string>> = {
  "3/32": "ia32",
  "21/64": "ppc64",
  "22/64": "s390x",
  "40/32": "arm",
  "62/64": "x64",
  "183/64": "arm64",
  "243/64": "riscv64",
  "258/64": "loong64",
};

const typeDynamic = 3;
const segmentInterpreter = 3;
const segmentUnused = 0;

/**
 * Reads the headers of a file, an executable's or a library's.
 * @throws the system call's error
 */
export function readElf(path: string): ElfFile | ElfFault {
  const fd = openSync(path, "r");
  try {
    const read = (offset: number, bytes: number) => {
      const part = Buffer.alloc(bytes);
      return part.subarray(0, readSync(fd, part, 0, bytes, offset));
    };
    return parseElf(read(0, elfHeadBytes), fstatSync(fd).size, read);
  } finally {
    closeSync(fd);
  }
}

/**
 * Reads an ELF header. head is the start of the file: elfHeadBytes of it, or all of a shorter one;
 * size is the file's size in bytes. A file is truncated if anything that its headers place in it
 * lies beyond its end: the dynamic loader would die of SIGBUS on it.
 * @param read Reads another part of the file. Linkers put the loader's path right behind the headers, but patchelf,
 *   with which Nix and Python's wheels change it, moves it to the end. By default nothing beyond head is read.
 */
export function parseElf(
  head: Uint8Array,
  size: number,
  read: (offset: number, bytes: number) => Uint8Array = () => new Uint8Array(),
): ElfFile | ElfFault {
  if (size === 0) return "empty";
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < 4 || view.getUint32(0) !== 0x7f454c46) return "not-elf";
  if (head.length < 6) return "truncated";
  const wide = head[4] === 2;
  const little = head[5] === 1;
  if (!(wide || head[4] === 1) || !(little || head[5] === 2)) return "not-elf";
  if (head.length < (wide ? 64 : 52)) return "truncated";

  const half = (at: number) => view.getUint16(at, little);
  const word = (at: number) => view.getUint32(at, little);
  // Offsets beyond 2^53 are not exact, and beyond any file's end all the same.
  const address = (at: number) => (wide ? Number(view.getBigUint64(at, little)) : word(at));

  const programHeaders = address(wide ? 32 : 28);
  const sectionHeaders = address(wide ? 40 : 32);
  const [programSize, programCount, sectionSize, sectionCount] = wide
    ? [half(54), half(56), half(58), half(60)]
    : [half(42), half(44), half(46), half(48)];
  if (sectionHeaders + sectionSize * sectionCount > size) return "truncated";
  if (programHeaders + programSize * programCount > size) return "truncated";

  let interpreter: string | undefined;
  for (let index = 0; index < programCount; index++) {
    const at = programHeaders + index * programSize;
    if (at + (wide ? 56 : 32) > head.length) break;
    const type = word(at);
    const offset = address(at + (wide ? 8 : 4));
    const bytes = address(at + (wide ? 32 : 16));
    if (type !== segmentUnused && offset + bytes > size) return "truncated";
    if (type === segmentInterpreter && bytes <= maxInterpreterBytes) {
      const within = offset + bytes <= head.length;
      interpreter = text(within ? head.subarray(offset, offset + bytes) : read(offset, bytes));
    }
  }
  const machine = half(18);
  const bits = wide ? 64 : 32;
  return {
    architecture: machines[`${machine}/${bits}`] ?? `machine ${machine}, ${bits} bits`,
    endianness: little ? "LE" : "BE",
    shared: half(16) === typeDynamic,
    interpreter,
  };
}

function text(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined;
  const end = bytes.indexOf(0);
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end)).toString("latin1");
}
