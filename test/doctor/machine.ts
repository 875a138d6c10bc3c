import type { MachineFacts } from "../../src/doctor/facts.js";

const wireguardTools = {
  apt: "wireguard-tools",
  dnf: "wireguard-tools",
  apk: "wireguard-tools",
  pacman: "wireguard-tools",
};

/** A machine on which nothing is missing. */
export const soundMachine: MachineFacts = {
  versions: {
    wgBridge: "0.1.0",
    node: "20.19.0",
    koffi: "3.3.4",
    go: "1.26.0",
    kernel: "6.12.0",
    architecture: "x64",
    libc: "glibc 2.36",
  },
  tun: { state: "open" },
  capNetAdmin: true,
  socketDirectory: { state: "usable" },
  networkNamespace: { ok: true, output: "" },
  userNamespace: { ok: true, output: "" },
  sysctls: { "user.max_user_namespaces": "15000" },
  kernelModule: false,
  backends: {
    library: { path: "/lib.so", version: "1.0.0", problem: undefined, refusal: undefined },
    executable: {
      path: "/wireguard-go",
      version: "0.0.1",
      problem: undefined,
      refusal: undefined,
    },
    userspaceExecutable: {
      path: "/wireguard-go-userspace",
      version: "0.0.1",
      problem: undefined,
      refusal: undefined,
    },
    auto: { backend: "ffi", reason: "auto prefers ffi" },
  },
  tools: [{ tool: "wg", path: "/usr/bin/wg", version: "1.0", packages: wireguardTools }],
  packageManager: "apt",
};

/** The same machine without the tool wg. */
export const machineWithoutWg: MachineFacts = {
  ...soundMachine,
  tools: [{ tool: "wg", path: undefined, version: undefined, packages: wireguardTools }],
};
