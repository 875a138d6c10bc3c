import { readFileSync } from "node:fs";
import { validators } from "./validators.js";

/** When a rule of the profile applies; every kernel that runs our tests is new enough for its minKernel. */
interface Condition {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
}

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly args?: readonly object[];
  readonly errnoRet?: number;
  readonly includes?: Condition;
  readonly excludes?: Condition;
}

interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly archMap: readonly { architecture: string; subArchitectures?: readonly string[] }[];
  readonly syscalls: readonly Rule[];
}

const processors = {
  x64: ["amd64", "SCMP_ARCH_X86_64"],
  arm64: ["arm64", "SCMP_ARCH_AARCH64"],
} as const;

/** Returns the filter of Docker's default profile for a container with these capabilities, for the OCI runtime. */
export function dockerSeccomp(capabilities: readonly string[]): object {
  const text = readFileSync(`${validators()}/seccomp.json`, "utf8");
  const profile: Profile = JSON.parse(text);
  const [processor, architecture] = processors[process.arch === "arm64" ? "arm64" : "x64"];
  const applies = ({ includes, excludes }: Rule) =>
    (includes?.arches?.includes(processor) ?? true) &&
    (includes?.caps?.every((each) => capabilities.includes(each)) ?? true) &&
    !(excludes?.arches?.includes(processor) ?? false) &&
    !(excludes?.caps?.some((each) => capabilities.includes(each)) ?? false);
  const syscalls = profile.syscalls
    .filter(applies)
    .map(({ names, action, args = [], errnoRet }) => ({ names, action, args, errnoRet }));
  const sub = profile.archMap.find((each) => each.architecture === architecture);
  const architectures = [architecture, ...(sub?.subArchitectures ?? [])];
  const { defaultAction, defaultErrnoRet } = profile;
  return { defaultAction, defaultErrnoRet, architectures, syscalls };
}
