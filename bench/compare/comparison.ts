import type { Machine } from "../sandbox/machine.js";
import type { Leg, LegName } from "./legs.js";
import type { Section } from "./sections.js";

/**
 * Everything that `wg-bridge compare` finds out: what --json prints, and what its table and its page
 * are made from. Described for readers of the JSON in docs/compare-json.md.
 */
export interface Comparison {
  /** Changes when a field changes its meaning or goes away; new fields do not change it. */
  readonly schemaVersion: 1;
  /** When it began: ISO 8601, UTC. */
  readonly startedAt: string;
  /** Whether exec and ffi passed every run. What other programs do is not judged. */
  readonly passed: boolean;
  /** How often netns.sh ran with each program. */
  readonly repeats: number;
  readonly machine: Machine;
  readonly script: Script;
  /** The programs in the order of the table's columns: those of --also, then exec, then ffi. */
  readonly programs: readonly ProgramResult[];
  /** Each iperf3 test of netns.sh, side by side; in the script's order. */
  readonly legs: readonly ComparedLeg[];
  readonly tcpRatio: TcpRatio;
}

/** Which netns.sh ran. */
export interface Script {
  /** SHA-256 of test/netns.sh, hexadecimal. */
  readonly sha256: string;
  /**
   * How many steps it has when it passes, clean-up not counted. null: no program passed, and it is
   * not the script whose number is known.
   */
  readonly steps: number | null;
}

/** A program that can take wireguard-go's place: netns.sh calls it with an interface's name. */
export interface Program {
  /** exec, ffi, or the NAME of --also. */
  readonly name: string;
  /** The program and its arguments, to which the interface's name is added. */
  readonly command: readonly string[];
  /** Whether the exit code depends on it: so for exec and ffi. */
  readonly judged: boolean;
}

/** What one program did in all its runs. */
export interface ProgramResult extends Program {
  readonly runsPassed: number;
  /** In the worst of its runs. */
  readonly stepsPassed: number;
  /** Median duration of netns.sh over the runs that passed. null: none did. */
  readonly seconds: number | null;
  readonly startUp: StartUp;
  /** The most that any of its daemons ever held resident. null: none was seen. */
  readonly peakMemoryBytes: number | null;
  readonly runs: readonly Run[];
}

/** How long a program takes from its launch until UAPI answers, in a sandbox of its own. */
export interface StartUp {
  /** Started as netns.sh and wg-quick do: PROGRAM INTERFACE. */
  readonly background: StartUpTime;
  /** Started to stay in the foreground: PROGRAM -f INTERFACE. */
  readonly foreground: StartUpTime;
}

/** Several starts in one way. */
export interface StartUpTime {
  /** Median. null: it could not be measured. */
  readonly milliseconds: number | null;
  /** Each start, in milliseconds. */
  readonly samples: readonly number[];
  /** Why it could not be measured. */
  readonly error: string | null;
}

/** One run of netns.sh with one program. */
export interface Run {
  /** The script exited with 0 and had announced that all its tests passed. */
  readonly passed: boolean;
  /** Steps that were followed by another one, and for a run that passed the last one too. */
  readonly stepsPassed: number;
  readonly seconds: number;
  readonly legs: readonly Leg[];
  /**
   * The largest VmHWM of the processes that hold /dev/net/tun: the daemons, and for ffi that is Node
   * with the library. Sampled four times a second. null: none was seen.
   */
  readonly peakMemoryBytes: number | null;
  readonly failure: Failure | null;
}

/** Why a run did not pass. */
export interface Failure {
  /**
   * exit: the script ended with a status other than 0. unfinished: it ended with 0 before its last
   * step. stalled: no new step began for too long, and it was killed. overlong: it took too long in
   * all, and was killed.
   */
  readonly kind: "exit" | "unfinished" | "stalled" | "overlong";
  /** The number of the step at which it failed, from 1; 0: before the first. */
  readonly step: number;
  readonly section: Section;
  /** The step's command; empty before the first step. */
  readonly command: string;
  /** The script's exit status. null: it was killed by a signal. */
  readonly exitStatus: number | null;
  /** The last lines of the output before the script's clean-up, its own steps included. */
  readonly lastLines: readonly string[];
}

/** One iperf3 test of netns.sh with every program. */
export interface ComparedLeg extends LegName {
  /** Median goodput in Gbit/s of each program by its name. null: no run of it got so far. */
  readonly gbitPerSecond: Readonly<Record<string, number | null>>;
  /** Of ffi to exec. null: one of the two has no figure. */
  readonly ffiToExec: number | null;
}

/** How fast ffi is, measured by exec. */
export interface TcpRatio {
  /** Geometric mean of ffiToExec over the TCP tests. null: no TCP test has both figures. */
  readonly ffiToExec: number | null;
  /** How many TCP tests it is made from; 8 when both passed. */
  readonly legs: number;
  /** Whether the mean is within 5 % of 1. */
  readonly withinFivePercent: boolean | null;
}
