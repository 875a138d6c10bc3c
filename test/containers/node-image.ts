import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { packageRoot } from "../../src/artifacts.js";
import { bind, type Mount } from "./container.js";

/** What a container gets from its image. */
export interface ImageFiles {
  readonly root: string;
  readonly mounts: readonly Mount[];
  readonly entrypoint: readonly string[];
}

/**
 * Makes what containers/node/Containerfile describes of this machine's own programs and of this checkout: a registry
 * with the image that it starts from is not always there.
 */
export function makeNodeImage(root: string): ImageFiles {
  const local = `${root}/usr/local/bin`;
  for (const directory of [
    local,
    `${root}/app/node_modules/wg-bridge`,
    `${root}/app/node_modules/.bin`,
  ]) {
    mkdirSync(directory, { recursive: true });
  }
  for (const directory of ["etc", "run", "tmp", "var"]) mkdirSync(`${root}/${directory}`);
  // As in Debian; in the engine's image /var/run is a directory of its own.
  symlinkSync("/run", `${root}/var/run`);
  writeFileSync(`${root}/etc/passwd`, "root:x:0:0::/:/bin/sh\n");
  mkdirSync(`${root}/etc/alternatives`);
  copyFileSync("/etc/ld.so.cache", `${root}/etc/ld.so.cache`);
  copyFileSync(`${packageRoot}/containers/node/tunnel.mjs`, `${root}/app/tunnel.mjs`);
  symlinkSync("../wg-bridge/dist/src/cli/main.js", `${root}/app/node_modules/.bin/wg-bridge`);
  symlinkSync("/app/node_modules/.bin/wg-bridge", `${local}/wg-bridge`);
  writeFileSync(`${local}/node`, "");
  const shared = ["bin", "sbin", "lib", "lib64"].filter((name) => readdirSync("/").includes(name));
  for (const name of shared) symlinkSync(`usr/${name}`, `${root}/${name}`);
  for (const name of shared) mkdirSync(`${root}/usr/${name}`);
  return {
    root,
    mounts: [
      ...shared.map((name) => bind(`/usr/${name}`, `/usr/${name}`)),
      // Debian's iptables is a link that leads there.
      ...(existsSync("/etc/alternatives") ? [bind("/etc/alternatives", "/etc/alternatives")] : []),
      bind(process.execPath, "/usr/local/bin/node"),
      bind(packageRoot, "/app/node_modules/wg-bridge"),
    ],
    entrypoint: entrypointOf(readFileSync(`${packageRoot}/containers/node/Containerfile`, "utf8")),
  };
}

function entrypointOf(containerfile: string): readonly string[] {
  const [, words = "[]"] = /^ENTRYPOINT (.*)$/m.exec(containerfile) ?? [];
  return JSON.parse(words);
}
