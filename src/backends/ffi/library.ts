import { constants } from "node:os";
import type { LibraryHandle } from "koffi";
import { messageOf, WgBridgeError } from "../../errors.js";
import type { LogLevel } from "../backend.js";
import type { TunnelFeature } from "../features.js";
import type { Failure } from "../status.js";
import { checkAbi, type LoadedLibrary, loadError, loadLibrary, loadRemedy } from "./loading.js";

type NativeFunction = ReturnType<LibraryHandle["func"]>;

const levels: Readonly<Record<LogLevel, number>> = { silent: 0, error: 1, verbose: 2 };

/**
 * The loaded wireguard_go_bridge.so, one method for each function of its header. Numbers below 0 are
 * negative errnos. There is one per process, for good: a Go runtime cannot be unloaded, and cannot
 * share a process with another.
 */
export class BridgeLibrary {
  static #bound: Promise<BridgeLibrary> | undefined;

  /** The version of its C interface, for example "1.4.0". */
  readonly abiVersion: string;
  readonly #library: LibraryHandle;
  readonly #new: NativeFunction;
  readonly #disable: NativeFunction;
  readonly #open: NativeFunction;
  readonly #name: NativeFunction;
  readonly #exchange: NativeFunction;
  readonly #logFd: NativeFunction;
  readonly #endFd: NativeFunction;
  readonly #lastError: NativeFunction;
  readonly #close: NativeFunction;

  private constructor(library: LibraryHandle, abiVersion: string) {
    this.abiVersion = abiVersion;
    this.#library = library;
    this.#new = library.func("int wgNew()");
    this.#disable = library.func("int wgDisable(int handle, const char *features)");
    this.#open = library.func(
      "int wgOpen(int handle, const char *name, int mtu, int logLevel, int tunFd, int uapiFd)",
    );
    this.#name = library.func("int wgName(int handle, void *buffer, int size)");
    this.#exchange = library.func(
      "int wgExchange(int handle, const void *request, int requestLength, void *answer, int size)",
    );
    this.#logFd = library.func("int wgLogFd(int handle)");
    this.#endFd = library.func("int wgEndFd(int handle)");
    this.#lastError = library.func("int wgLastError(int handle, void *buffer, int size)");
    this.#close = library.func("int wgClose(int handle)");
  }

  /**
   * Loads the library, or returns the one that this process has loaded before. If another copy of this package has
   * loaded its own, that one is used instead of this package's own, but never instead of a library that was named.
   * @throws WgBridgeError WG_BRIDGE_LIBRARY_LOAD: in a worker thread, after another library was loaded, or for what
   *   the dynamic loader says; WG_BRIDGE_LIBRARY_ABI; WG_BRIDGE_LIBRARY_KOFFI; WG_BRIDGE_RESOURCES.
   */
  static async load(path: string): Promise<BridgeLibrary> {
    const loaded = loadLibrary(path);
    BridgeLibrary.#bound ??= BridgeLibrary.#bind(loaded, path);
    return BridgeLibrary.#bound;
  }

  static async #bind({ path, handle }: LoadedLibrary, asked: string): Promise<BridgeLibrary> {
    try {
      const wgAbiVersion = handle.func("int wgAbiVersion(void *buffer, int size)");
      const version = readText((buffer) => wgAbiVersion(buffer, buffer.length));
      await checkAbi(path, version, path === asked ? undefined : useOneCopy);
      return new BridgeLibrary(handle, version);
    } catch (error) {
      if (error instanceof WgBridgeError) throw error;
      throw loadError(path, messageOf(error), loadRemedy(), { cause: error });
    }
  }

  /**
   * Runs one tunnel as the executable does with -f, and resolves with its exit code when the tunnel
   * has ended. Takes SIGTERM and SIGINT over from Node.js, and logs to standard output.
   */
  run(name: string, logLevel: LogLevel): Promise<number> {
    const run = this.#library.func("int Run(const char *name, int logLevel)");
    return callAsync(run, name, levels[logLevel]);
  }

  /** A new handle. Handles are never used again. */
  newHandle(): number {
    return this.#new();
  }

  /** Makes the handle's tunnel do without features. Call it before open. */
  disable(handle: number, features: readonly TunnelFeature[]): number {
    return this.#disable(handle, features.join(","));
  }

  /** Opens the handle's tunnel. mtu is in bytes, 0 for the default. Blocks a thread of libuv's pool. */
  open(handle: number, name: string, mtu: number, logLevel: LogLevel): Promise<number> {
    return callAsync(this.#open, handle, name, mtu, levels[logLevel], -1, -1);
  }

  /** Opens a userspace tunnel, whose station is at `path`. mtu is in bytes. Blocks a thread of libuv's pool. */
  openUserspace(handle: number, path: string, mtu: number, logLevel: LogLevel): Promise<number> {
    const open = this.#library.func(
      "int wgOpenUserspace(int handle, const char *stationPath, int mtu, int logLevel)",
    );
    return callAsync(open, handle, path, mtu, levels[logLevel]);
  }

  /** The interface's name. */
  interfaceName(handle: number): string {
    return readText((buffer) => this.#name(handle, buffer, buffer.length));
  }

  /** Puts the answer to a UAPI request into the caller's buffer; resolves with its length. */
  exchange(handle: number, request: Buffer, answer: Buffer): Promise<number> {
    return callAsync(this.#exchange, handle, request, request.length, answer, answer.length);
  }

  /** A file descriptor to read log lines from. The caller owns it. Call it before open. */
  logFd(handle: number): number {
    return this.#logFd(handle);
  }

  /** A file descriptor that says why the tunnel ended. The caller owns it. Call it after open. */
  endFd(handle: number): number {
    return this.#endFd(handle);
  }

  /** What failed last on this handle; handle 0 is that of run and newHandle. */
  lastFailure(handle: number): Failure {
    const lastCode = this.#library.func("int wgLastCode(int handle, void *buffer, int size)");
    const lastErrno = this.#library.func("int wgLastErrno(int handle)");
    return {
      code: readText((buffer) => lastCode(handle, buffer, buffer.length)),
      errno: lastErrno(handle),
      fact: readText((buffer) => this.#lastError(handle, buffer, buffer.length)),
    };
  }

  /** Ends the tunnel and frees the handle. */
  close(handle: number): Promise<number> {
    return callAsync(this.#close, handle);
  }

  /** The same, while this process does nothing else. */
  closeNow(handle: number): void {
    this.#close(handle);
  }
}

const useOneCopy =
  "Another copy of wg-bridge has loaded it into this process, which can hold only one Go library. Install one release for both, or use --backend=exec.";

function callAsync(call: NativeFunction, ...args: unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(...args, (error: unknown, result: number) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}

/** Calls a C function with buffers of growing size until its text fits. */
function readText(read: (buffer: Buffer) => number): string {
  for (let size = 256; ; size *= 4) {
    const buffer = Buffer.alloc(size);
    const length = read(buffer);
    if (length >= 0) return buffer.toString("utf8", 0, length);
    if (length !== -constants.errno.ERANGE) throw new Error(`errno ${-length}`);
  }
}
