// Makes a process look as if it ran on another operating system, before the program is loaded:
// node --require other-system.cjs PROGRAM, with the name of the system in the variable OTHER_SYSTEM.
import fs = require("node:fs");
import modules = require("node:module");
import os = require("node:os");

const system = process.env.OTHER_SYSTEM ?? "darwin";
Object.defineProperty(process, "platform", { value: system });

/** What other systems do not have. */
const foreign = /^\/(?:proc|sys|dev|run|var\/run)\//;

function forbidding(call: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return function (this: unknown, ...args: unknown[]): unknown {
    const path = String(args[0]);
    if (foreign.test(path)) throw new Error(`${path} does not exist on ${system}`);
    return Reflect.apply(call, this, args);
  };
}

for (const holder of [fs, fs.promises]) {
  for (const name of Object.keys(holder)) {
    const call: unknown = Reflect.get(holder, name);
    if (typeof call === "function" && /^[a-z]/.test(name)) {
      const replacement = forbidding((...args) => Reflect.apply(call, holder, args));
      Reflect.set(holder, name, Object.assign(replacement, call));
    }
  }
}
if (system === "win32") {
  for (const name of ["getuid", "geteuid", "getgid", "getegid", "getgroups", "umask"]) {
    Reflect.deleteProperty(process, name);
  }
  Reflect.set(os, "EOL", "\r\n");
}
modules.syncBuiltinESMExports();
