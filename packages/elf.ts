import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync } from "node:fs";

/** What a program asks of the machine that runs it. */
export interface Needs {
  /** As in process.arch; or the numbers of class, byte order and machine in its ELF header. */
  readonly arch: string;
  /** Whether the kernel starts it by a dynamic loader. */
  readonly loader: boolean;
  /** The shared libraries that it names, such as libc.so.6. */
  readonly libraries: readonly string[];
  /** The versions of glibc's symbols that it names, such as 2.2.5, the newest last. */
  readonly glibc: readonly string[];
  /** Whether it makes the stack of its process executable. */
  readonly executableStack: boolean;
}

/** By class (1: 32 bits, 2: 64), byte order (1: little-endian, 2: big) and machine. Source: elf(5). */
const machines: Readonly<Record<string, string>> = {
  "2/1/62": "x64",
  "2/1/183": "arm64",
  "1/1/40": "arm",
  "2/1/243": "riscv64",
  "2/1/21": "ppc64",
  "2/2/22": "s390x",
  "2/1/258": "loong64",
};

/** Reads what an ELF file needs, by readelf of binutils, which comes with every gcc. */
export function readNeeds(path: string): Needs {
  const printed = execFileSync("readelf", ["--wide", "-l", "-d", "-V", path], {
    encoding: "utf8",
    // A line for each four symbols: Node.js has 200,000.
    maxBuffer: 64 << 20,
    env: { ...process.env, LC_ALL: "C" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const all = (pattern: RegExp) => Array.from(printed.matchAll(pattern), ([, text = ""]) => text);
  return {
    arch: readArch(path),
    loader: /^ +INTERP /m.test(printed),
    libraries: all(/\(NEEDED\) +Shared library: \[(.+)\]/g),
    glibc: [...new Set(all(/Name: GLIBC_(\S+)/g))].sort(compareVersions),
    executableStack: /^ +GNU_STACK .* RWE /m.test(printed),
  };
}

function readArch(path: string): string {
  const head = Buffer.alloc(20);
  const file = openSync(path, "r");
  readSync(file, head);
  closeSync(file);
  const little = head[5] === 1;
  const machine = `${head[4]}/${head[5]}/${little ? head.readUInt16LE(18) : head.readUInt16BE(18)}`;
  return machines[machine] ?? machine;
}

/** Orders versions such as 2.9 and 2.17. A word, such as PRIVATE, is newer than all of them. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (let index = 0; left?.[index] !== undefined || right?.[index] !== undefined; index++) {
    const [one = 0, other = 0] = [left?.[index], right?.[index]];
    if (one !== other) return Number.isNaN(one) || one > other ? 1 : -1;
  }
  return 0;
}
