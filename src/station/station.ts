import type { TunnelEnd } from "../backends/backend.js";
import { endedError } from "../backends/end.js";
import { WgBridgeError } from "../errors.js";
import { ControlChannel, HungUp, RefusedRequest } from "./control.js";
import { type Attempt, type Failure, networkError } from "./failure.js";
import { type Message, numberIn, textIn } from "./frames.js";

/** How long an engine that has hung up may take to say why it ended, in milliseconds. */
const endGrace = 5_000;

/** How many failures are kept of streams whose socket does not know its number yet. */
const maxEarlyFailures = 4_096;

/** Something that ends with the station: a socket, a server. */
export interface Member {
  /** Ends it, with the reason. */
  readonly lose: (error: Error) => void;
}

/** A stream, which may fail by itself. */
export interface StreamMember extends Member {
  /** The engine says why the stream is about to end. It ends it once this has returned, or resolved. */
  readonly told: (failure: Failure) => Promise<void> | undefined;
}

/** A server, to which streams come. */
export interface ListeningMember extends Member {
  readonly incoming: (stream: number, address: string, port: number) => void;
}

/** A datagram socket. */
export interface DatagramMember extends Member {
  readonly dropped: (count: number) => void;
  /** One datagram could not be sent. */
  readonly told: (failure: Failure, address: string, port: number) => void;
}

/** The engine whose station it is. */
export interface Engine {
  /** The path of the station's socket. */
  readonly path: string;
  readonly ended: Promise<TunnelEnd>;
  isAlive(): boolean | undefined;
}

/**
 * A program's end of a station: the control channel, and the sockets, servers and datagram sockets that are open, each
 * with a connection of its own.
 */
export class Station {
  readonly path: string;
  readonly #engine: Engine;
  readonly #members = new Set<Member>();
  readonly #streams = new Map<number, StreamMember>();
  readonly #listeners = new Map<number, ListeningMember>();
  readonly #datagrams = new Map<number, DatagramMember>();
  readonly #early = new Map<number, Failure>();
  #control: ControlChannel | undefined;
  #confirmation: Promise<void> | undefined;
  #end: Error | undefined;

  private constructor(engine: Engine) {
    this.path = engine.path;
    this.#engine = engine;
    void engine.ended.then((end) => this.#lose(endedError(end)));
  }

  /** Connects to the station of an engine that is ready. */
  static async open(engine: Engine, signal?: AbortSignal): Promise<Station> {
    const station = new Station(engine);
    const control = await station.#connect(signal);
    station.#control = control;
    void control.ended.then(async () => station.#lose(await station.endReason()));
    return station;
  }

  async #connect(signal: AbortSignal | undefined): Promise<ControlChannel> {
    try {
      return await ControlChannel.open(this.path, (event) => this.#takeEvent(event), signal);
    } catch (error) {
      if (error instanceof RefusedRequest)
        throw networkError(error.failure, { syscall: "connect" });
      throw error instanceof HungUp ? await this.endReason() : error;
    }
  }

  /** Ends everything that is open, with this reason. Whatever is tried afterwards fails with it, too. */
  close(reason: Error): void {
    this.#lose(reason);
    this.#control?.close();
  }

  #lose(reason: Error): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    for (const member of [...this.#members]) member.lose(reason);
  }

  /** Resolves with why nothing works any more, after the engine has hung up. */
  async endReason(): Promise<Error> {
    if (this.#end !== undefined) return this.#end;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Error>((resolve) => {
      timer = setTimeout(() => resolve(hungUpError()), endGrace);
    });
    const ended = this.#engine.ended.then(endedError);
    const reason = await Promise.race([ended, late]);
    clearTimeout(timer);
    return this.#end ?? reason;
  }

  /** Resolves with why the engine has hung up on one connection, before it answered. */
  async hangUpReason(attempt: Attempt): Promise<Error> {
    try {
      await this.confirm(0);
    } catch (reason) {
      if (reason instanceof Error) return reason;
    }
    return networkError({ errno: "ECONNABORTED", message: "the engine hung up" }, attempt);
  }

  /** Adds something that ends with the station. @throws the reason, if the station has ended */
  join(member: Member): void {
    if (this.#end !== undefined) throw this.#end;
    this.#members.add(member);
  }

  /** Removes what has ended. */
  leave(member: Member): void {
    this.#members.delete(member);
  }

  /** Makes a stream's number known. Returns the failure, if the engine has said already that it failed. */
  nameStream(id: number, stream: StreamMember): Failure | undefined {
    const early = this.#early.get(id);
    this.#early.delete(id);
    this.#streams.set(id, stream);
    return early;
  }

  forgetStream(id: number): void {
    this.#streams.delete(id);
  }

  nameListener(id: number, listener: ListeningMember): void {
    this.#listeners.set(id, listener);
  }

  forgetListener(id: number): void {
    this.#listeners.delete(id);
  }

  nameDatagram(id: number, datagram: DatagramMember): void {
    this.#datagrams.set(id, datagram);
  }

  forgetDatagram(id: number): void {
    this.#datagrams.delete(id);
  }

  #takeEvent(event: Message): void {
    switch (event.event) {
      case "failed":
        this.#takeFailure(event);
        return;
      case "incoming": {
        const listener = this.#listeners.get(numberIn(event, "listener") ?? -1);
        const stream = numberIn(event, "stream");
        if (stream === undefined) return;
        // Nobody listens any more: what came meanwhile is refused.
        if (listener === undefined) this.tell("reset", { stream });
        else
          listener.incoming(stream, textIn(event, "address") ?? "", numberIn(event, "port") ?? 0);
        return;
      }
      case "dropped":
        this.#datagrams
          .get(numberIn(event, "datagram") ?? -1)
          ?.dropped(numberIn(event, "count") ?? 0);
    }
  }

  /** The engine ends the stream once it knows that we know why. */
  #takeFailure(event: Message): void {
    const failure = { errno: textIn(event, "errno") ?? "EIO", ...messageOf(event) };
    const datagram = this.#datagrams.get(numberIn(event, "datagram") ?? -1);
    datagram?.told(failure, textIn(event, "address") ?? "", numberIn(event, "port") ?? 0);
    const stream = numberIn(event, "stream");
    if (stream === undefined) return;
    const known = this.#streams.get(stream);
    if (known === undefined) this.#keepEarly(stream, failure);
    const taken = known?.told(failure);
    const acknowledge = () => this.tell("ack", { stream });
    if (taken === undefined) acknowledge();
    else void taken.then(acknowledge);
  }

  #keepEarly(stream: number, failure: Failure): void {
    this.#early.set(stream, failure);
    if (this.#early.size <= maxEarlyFailures) return;
    for (const [oldest] of this.#early) {
      this.#early.delete(oldest);
      return;
    }
  }

  /** Sends a request that needs no answer. */
  tell(kind: string, fields: Message): void {
    this.#control?.tell(kind, fields);
  }

  /** Returns a number for a request that makes something which is named by it. */
  newId(): number {
    return this.#control?.newId() ?? 0;
  }

  /**
   * Sends a request, and resolves with its answer.
   * @param attempt makes the error, if the engine refuses
   * @throws NetworkError if the engine refuses; why the tunnel ended; or the signal's reason
   */
  async request(
    kind: string,
    fields: Message,
    attempt: Attempt,
    signal?: AbortSignal,
    id?: number,
  ): Promise<Message> {
    if (this.#end !== undefined) throw this.#end;
    try {
      if (this.#control === undefined) throw new HungUp();
      return await this.#control.request(kind, fields, signal, id);
    } catch (error) {
      if (error instanceof RefusedRequest) throw networkError(error.failure, attempt);
      throw error instanceof HungUp ? await this.endReason() : error;
    }
  }

  /**
   * Resolves if the engine lives. The end of a stream looks the same if the other end has finished and if the engine
   * was killed. An engine that ends by itself hangs up on the control channel first, which this turn of the event loop
   * then shows. Whether it was killed is looked up, and only if that cannot be seen it is asked. All ends of one turn
   * share one look, and one question, which is about any of their streams.
   * @throws why the tunnel ended
   */
  confirm(stream: number): Promise<void> {
    this.#confirmation ??= this.#look(stream);
    return this.#confirmation;
  }

  async #look(stream: number): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#confirmation = undefined; // what ends from now on needs a later look
    if (this.#end !== undefined) throw this.#end;
    if (this.#control?.isEnding !== false) throw await this.endReason();
    switch (this.#engine.isAlive()) {
      case true:
        return;
      case false:
        throw await this.endReason();
      default:
        return this.#ask(stream);
    }
  }

  async #ask(stream: number): Promise<void> {
    try {
      await this.request("option", { stream }, { syscall: "read" });
    } catch (error) {
      if (this.#end !== undefined) throw this.#end;
      // An engine that has forgotten the stream, and says so, lives.
      if (error instanceof WgBridgeError) throw error;
    }
  }

  /** Keeps the process alive until as many calls of release(). */
  hold(): void {
    this.#control?.hold();
  }

  release(): void {
    this.#control?.release();
  }
}

function messageOf(event: Message): { readonly message?: string } {
  const message = textIn(event, "message");
  return message === undefined ? {} : { message };
}

function hungUpError(): WgBridgeError {
  return new WgBridgeError(
    "WG_BRIDGE_LOST",
    "The engine hung up on this program, and goes on without it. Close the tunnel and open it anew.",
  );
}
