import { type ChildProcess, execFile } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { packageRoot } from "../../src/artifacts.js";
import { messageOf } from "../../src/errors.js";
import { exchangeOverSocket, socketPath } from "../../src/uapi/socket.js";
import type { Observation } from "./outcome.js";
import type { Fault, Phase, PhaseTimes } from "./plan.js";
import { type FaultSite, farInner, ownInner } from "./site.js";
import type { TracedCall } from "./strace.js";
import { attach, readTrace, traced } from "./strace.js";
import { Child, name, openFiles, type Subject, servers } from "./subject.js";

const execute = promisify(execFile);

/** The time limit of each step in milliseconds. */
const limits = { start: 15_000, exchange: 5_000, command: 10_000, stop: 10_000, settle: 3_000 };
/** How long a packet may take, in seconds. A handshake whose first message is lost is repeated after five. */
const patience = { alone: 9, always: 2 };
/** How long a program is left idle to see whether it spins, in milliseconds. */
const idle = 300;
/** Milliseconds between two checks of a condition. */
const pause = 20;

/** The configuration was lost without an error. */
const silence = new Error("the peer is missing");

/** What was observed of a run, and the calls that were traced. */
export interface Run {
  readonly seen: Observation;
  readonly calls: readonly TracedCall[];
  readonly times: PhaseTimes;
}

/** Takes a program through the life of a tunnel, with a fault or without. Leaves nothing behind. */
export async function run(
  site: FaultSite,
  subject: Subject,
  fault: Fault | undefined,
  file: string,
): Promise<Run> {
  rmSync(file, { force: true });
  const life = new Life(site, subject, fault, file);
  try {
    return await life.run();
  } finally {
    await life.cleanUp();
  }
}

class Life {
  readonly #site: FaultSite;
  readonly #subject: Subject;
  readonly #fault: Fault | undefined;
  readonly #file: string;
  readonly #times: Partial<Record<Phase, number>> = {};
  readonly #troubles: string[] = [];
  readonly #hung: string[] = [];
  /** The errors that the caller of a step got. */
  readonly #reported: string[] = [];
  readonly #tracers: ChildProcess[] = [];
  #child: Child;
  #held = 0;

  constructor(site: FaultSite, subject: Subject, fault: Fault | undefined, file: string) {
    this.#site = site;
    this.#subject = subject;
    this.#fault = fault;
    this.#file = file;
    this.#child = new Child([...this.#prefix(), ...subject.command], {
      WG_PROCESS_FOREGROUND: subject.kind === "foreground" ? "1" : "0",
    });
  }

  /** Returns the words before the command. strace attaches to a host later: Node's own start is not under test. */
  #prefix(): string[] {
    const { kind } = this.#subject;
    const fault = this.#fault;
    if (fault?.by === "seccomp") {
      const errno = Object.entries(constants.errno).find(([word]) => word === fault.errno)?.[1];
      return [`${packageRoot}/build/faults/deny`, String(fault.number), String(errno)];
    }
    if (kind === "host" || (fault?.nth === "always" && fault.phase !== "start")) return [];
    return traced(this.#file, fault);
  }

  async run(): Promise<Run> {
    const start = await this.#start();
    let idleRate = 0;
    if (start === "ready") {
      await this.#enter("configure");
      await this.#configure();
      await this.#enter("traffic");
      await this.#ping();
      idleRate = await this.#idleRate();
    }
    const endedEarly = start === "ready" && this.#isOver();
    if (start === "ready" || start === "hung") {
      await this.#enter("stop");
      await this.#stop();
    }
    const left = await this.#left();
    const calls = readTrace(this.#file);
    const { exitCode: code, signalCode: signal } = this.#child.process;
    const injected =
      this.#fault?.by === "seccomp" ? 1 : calls.filter((call) => call.injected).length;
    const troubles = this.#troubles;
    const hung = this.#hung;
    const said = [...this.#said(), ...this.#reported];
    return {
      seen: { injected, start, endedEarly, code, signal, said, troubles, hung, idleRate, left },
      calls,
      times: this.#times,
    };
  }

  /** Begins a phase, from which on the fault may apply. */
  async #enter(phase: Phase): Promise<void> {
    const fault = this.#fault;
    const pid = this.#server();
    const later = fault?.by === "strace" && fault.nth === "always" && fault.phase === phase;
    const host = this.#subject.kind === "host" && phase === "start" && fault?.by !== "seccomp";
    const first =
      host && (fault === undefined || fault.nth !== "always" || fault.phase === "start");
    if (pid !== undefined && (first || (later && phase !== "start"))) {
      this.#tracers.push(await attach(pid, this.#file, fault));
    }
    this.#times[phase] = Date.now() / 1000;
  }

  async #start(): Promise<Observation["start"]> {
    const child = this.#child;
    const { kind } = this.#subject;
    if (kind === "host") {
      await until(() => child.ended || this.#has("loaded"), limits.start);
      if (!this.#has("loaded")) return "not begun";
      this.#held = openFiles(child.pid);
      await this.#enter("start");
      child.write("open");
      await until(() => this.#isOver() || this.#has("opened"), limits.start);
      if (this.#has("opened")) return "ready";
      return this.#isOver() ? "refused" : "hung";
    }
    await this.#enter("start");
    if (kind === "background") {
      if (!(await until(() => child.ended, limits.start))) return "hung";
      if (child.process.exitCode !== 0) return "refused";
      return "ready"; // The next steps check that it really is.
    }
    const deadline = performance.now() + limits.start;
    while (!child.ended && performance.now() < deadline) {
      if (existsSync(socketPath(name)) && (await this.#answers())) return "ready";
      await sleep(pause);
    }
    return child.ended ? "refused" : "hung";
  }

  async #answers(): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(limits.exchange);
      await exchangeOverSocket(name, Buffer.from("get=1\n\n"), signal);
      return true;
    } catch {
      return false;
    }
  }

  async #configure(): Promise<void> {
    await this.#step("configuring", async () => {
      const signal = AbortSignal.timeout(limits.exchange);
      const answer = String(
        await exchangeOverSocket(name, Buffer.from(this.#site.request), signal),
      );
      const errno = /errno=(-?\d+)/.exec(answer)?.[1];
      if (errno !== "0") throw new Error(`the engine answers errno=${errno}`);
    });
    const ip =
      (...words: string[]) =>
      () =>
        execute("ip", words, { timeout: limits.command });
    await this.#step("address", ip("address", "add", ownInner, "dev", name));
    await this.#step("up", ip("link", "set", name, "up"));
    await this.#step("asking", async () => {
      const signal = AbortSignal.timeout(limits.exchange);
      const answer = String(await exchangeOverSocket(name, Buffer.from("get=1\n\n"), signal));
      if (!answer.includes("public_key=")) throw silence;
    });
  }

  async #ping(): Promise<void> {
    if (this.#isOver()) return;
    const seconds = patience[this.#fault?.nth === "always" ? "always" : "alone"];
    const words = ["-n", "-q", "-c", "3", "-i", "0.2", "-W", "1", "-w", String(seconds), farInner];
    await this.#step("ping", () => execute("ping", words, { timeout: 2000 * seconds }));
  }

  async #step(title: string, run: () => Promise<unknown>): Promise<void> {
    if (this.#isOver()) return;
    try {
      await run();
    } catch (error) {
      const late = /timeout|TIMEOUT|aborted|took longer/.test(messageOf(error));
      const trouble = `${title}: ${messageOf(error)}`;
      (late ? this.#hung : this.#troubles).push(trouble);
      if (!late && error !== silence && title !== "ping") this.#reported.push(trouble);
    }
  }

  /** Measures how many faults a second are injected while the program is idle. */
  async #idleRate(): Promise<number> {
    if (this.#fault?.nth !== "always" || this.#fault.by !== "strace") return 0;
    const count = () =>
      readTrace(this.#file).filter(({ injected, wakes }) => injected && !wakes).length;
    const before = count();
    await sleep(idle);
    return ((count() - before) * 1000) / idle;
  }

  async #stop(): Promise<void> {
    const pid = this.#server();
    if (this.#subject.kind === "host") this.#child.write("close");
    else if (pid !== undefined) kill(pid, "SIGTERM");
    if (!(await until(() => this.#isOver(), limits.stop))) this.#hung.push("stopping");
  }

  /** Returns what is still there after it has had time to go. */
  async #left(): Promise<string[]> {
    const host = this.#subject.kind === "host" && !this.#child.ended;
    const look = () => [
      ...(existsSync(`/sys/class/net/${name}`) ? ["interface"] : []),
      ...(existsSync(socketPath(name)) ? ["socket"] : []),
      ...(host && openFiles(this.#child.pid) > this.#held ? ["descriptors"] : []),
      ...(!host && this.#server() !== undefined ? ["process"] : []),
    ];
    await until(() => look().length === 0, limits.settle);
    const left = look();
    if (host) {
      this.#child.write("exit");
      if (!(await until(() => this.#child.ended, limits.stop))) this.#hung.push("exiting");
    }
    return left;
  }

  /** The process that serves the tunnel, if it is running. */
  #server(): number | undefined {
    if (this.#subject.kind === "background") return servers()[0];
    return this.#child.ended ? undefined : this.#child.pid;
  }

  /** Whether the tunnel has ended or was never opened. */
  #isOver(): boolean {
    if (this.#subject.kind === "host") {
      return this.#child.ended || ["failed", "closed", "ended"].some((word) => this.#has(word));
    }
    if (this.#subject.kind === "background" && !this.#child.ended) return false;
    return this.#server() === undefined;
  }

  #has(word: string): boolean {
    return this.#child.lines.some((line) => line.startsWith(`${word} `));
  }

  /** Returns the lines for a person, without those in which a host reports success. */
  #said(): string[] {
    const marks = /^(loaded|opened|ended) |^closed closed: The tunnel \S+ was closed\.$/;
    return this.#child.lines.filter((line) => !marks.test(line) && line.trim() !== "");
  }

  /** Kills and removes what the run left. */
  async cleanUp(): Promise<void> {
    const pids = [...servers(), ...(this.#child.ended ? [] : [this.#child.pid])];
    for (const pid of pids) kill(pid, "SIGKILL");
    await until(() => this.#child.ended && servers().length === 0, limits.stop);
    for (const tracer of this.#tracers) tracer.kill("SIGKILL");
    await execute("ip", ["link", "delete", name]).catch(() => {}); // It is usually gone.
    rmSync(socketPath(name), { force: true });
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

/** Waits until a condition holds. Resolves with false if it does not within some milliseconds. */
async function until(holds: () => boolean, limit: number): Promise<boolean> {
  const deadline = performance.now() + limit;
  while (!holds()) {
    if (performance.now() > deadline) return false;
    await sleep(pause);
  }
  return true;
}
