import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { fileURLToPath } from "node:url";
import { createContext, type Module, SourceTextModule, SyntheticModule } from "node:vm";

// Loads the package into two vm contexts, one after the other, as jest and vitest do for each test file, and
// opens a tunnel on each backend in each context. Run it with --experimental-vm-modules.

const program = `
  import { openTunnel, PrivateKey, WgBridgeError } from "./index.js";
  const { default: assert } = await import("node:assert/strict");
  for (const backend of ["exec", "ffi"]) {
    const privateKey = PrivateKey.from(new Uint8Array(32).fill(7));
    const tunnel = await openTunnel({ name: "wgv0", backend, config: { privateKey, peers: [] }, addresses: ["10.9.9.1/24"] });
    const { privateKey: set } = await tunnel.status({ signal: AbortSignal.timeout(10_000) });
    const changed = await tunnel.update({ fwmark: 42 }).then(() => tunnel.status());
    await tunnel.close();
    const closed = await tunnel.status().catch((error) => error);
    console.log(backend, set.equals(privateKey), changed.fwmark, closed instanceof WgBridgeError, closed.code);
  }
  const missing = await openTunnel({ name: "wgv0", backend: "exec", env: { WIREGUARD_GO_EXECUTABLE: "/no/such" } }).catch((error) => error);
  console.log(missing instanceof WgBridgeError, missing.code, missing instanceof Error);
`;

const shared = {
  AbortController,
  AbortSignal,
  Buffer,
  URL,
  clearTimeout,
  console,
  performance,
  process,
};
const timers = { queueMicrotask, setImmediate, setInterval, setTimeout };

/** Loads modules into a new context, which has its own Error, Array, Map, Promise and Uint8Array. */
class Loader {
  readonly #context = createContext({ ...shared, ...timers, clearInterval });
  readonly #modules = new Map<string, Promise<Module>>();

  async run(url: string, source: string): Promise<void> {
    const module = this.#compile(url, source);
    await this.#link(module);
    await module.evaluate();
  }

  #link(module: Module): Promise<void> {
    return module.link((specifier, { identifier }) => this.#load(specifier, identifier));
  }

  #load(specifier: string, importer: string): Promise<Module> {
    const builtin = builtinModules.includes(specifier.replace(/^node:/, ""));
    const url = builtin ? specifier : new URL(specifier, importer).href;
    const loading =
      this.#modules.get(url) ?? (builtin ? this.#builtin(specifier) : this.#source(url));
    this.#modules.set(url, loading);
    return loading;
  }

  async #builtin(name: string): Promise<Module> {
    const real: Readonly<Record<string, unknown>> = await import(name);
    const module: SyntheticModule = new SyntheticModule(
      Object.keys(real),
      () => {
        for (const [key, value] of Object.entries(real)) module.setExport(key, value);
      },
      { context: this.#context },
    );
    return module;
  }

  async #source(url: string): Promise<Module> {
    return this.#compile(url, readFileSync(fileURLToPath(url), "utf8"));
  }

  #compile(url: string, source: string): SourceTextModule {
    return new SourceTextModule(source, {
      context: this.#context,
      identifier: url,
      initializeImportMeta: (meta) => {
        meta.url = url;
      },
      importModuleDynamically: async (specifier) => {
        const module = await this.#load(specifier, url);
        if (module.status === "unlinked") await this.#link(module);
        await module.evaluate();
        return module;
      },
    });
  }
}

for (const context of ["first", "second"]) {
  console.log(context);
  const url = new URL(`../src/program-of-the-${context}.js`, import.meta.url).href;
  await new Loader().run(url, program);
}
const mapped = readFileSync("/proc/self/maps", "utf8").match(/\S+wireguard_go_bridge\.so/g);
console.log("libraries:", new Set(mapped).size);
