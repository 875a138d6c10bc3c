/** A processor that a package of the engine is published for. */
export interface Platform {
  /** As process.arch names it. */
  readonly arch: string;
  readonly goarch: string;
  readonly goarm?: string;
  /** How its library is built. Without it, the package contains the executables alone. */
  readonly library?: { readonly zig: string };
}

/** The name of a processor's package. */
export function packageName({ arch }: Platform): string {
  return `@wg-bridge/linux-${arch}`;
}

/** Koffi's native module, which calls the library. */
export function koffiName({ arch }: Platform): string {
  return `@koromix/koffi-linux-${arch}`;
}

/** For tunnels with an interface, and for userspace tunnels. */
export const executableFiles = ["bin/wireguard-go", "bin/wireguard-go-userspace"];
export const libraryFile = "lib/wireguard_go_bridge.so";

/** The programs of a processor's package. */
export function programsOf({ library }: Platform): readonly string[] {
  return library === undefined ? executableFiles : [...executableFiles, libraryFile];
}
