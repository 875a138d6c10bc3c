import { createConnection, type Socket } from "node:net";
import { untilAborted } from "../deadline.js";
import { type Failure, failureIn } from "./failure.js";
import { encodeFrame, FrameReader, type Message, numberIn, protocolVersion } from "./frames.js";

/** A request that the engine refused. */
export class RefusedRequest extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message ?? failure.errno);
    this.failure = failure;
  }
}

/** The engine has hung up: it has ended, or is ending. */
export class HungUp extends Error {
  constructor() {
    super("The engine hung up.");
  }
}

interface Waiting {
  readonly resolve: (answer: Message) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The channel on which a program asks the engine for what is not a stream, and hears of what happens there. It keeps
 * the process alive while an answer is awaited, or while somebody holds it.
 */
export class ControlChannel {
  readonly #socket: Socket;
  readonly #frames = new FrameReader();
  readonly #waiting = new Map<number, Waiting>();
  readonly #onEvent: (event: Message) => void;
  readonly #ended: Promise<void>;
  #finish: () => void = () => {};
  #isOver = false;
  #isEnding = false;
  #nextId = 1;
  #holds = 0;

  private constructor(socket: Socket, onEvent: (event: Message) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
    this.#ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** Connects to the station at a path. `onEvent` receives what the engine says unasked; it must not throw. */
  static async open(
    path: string,
    onEvent: (event: Message) => void,
    signal?: AbortSignal,
  ): Promise<ControlChannel> {
    const socket = createConnection({ path });
    const channel = new ControlChannel(socket, onEvent);
    const greeted = channel.#greet();
    try {
      await untilAborted(greeted, signal);
      socket.unref();
      return channel;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  #greet(): Promise<void> {
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      // Id 0 stands for the greeting, whose answer has none.
      this.#waiting.set(0, { resolve: () => resolve(), reject });
      socket.on("error", (error) => {
        this.#isEnding = true; // "close" follows
        reject(error);
      });
      socket.on("end", () => {
        this.#isEnding = true;
      });
      socket.on("close", () => {
        reject(new HungUp());
        this.#end();
      });
      socket.on("data", (piece: Buffer) => this.#read(piece));
      socket.write(encodeFrame({ v: protocolVersion, kind: "control" }));
    });
  }

  #read(piece: Buffer): void {
    try {
      this.#frames.push(piece);
      for (let message = this.#frames.next(); message !== undefined; ) {
        this.#take(message);
        message = this.#frames.next();
      }
    } catch (error) {
      this.#socket.destroy(error instanceof Error ? error : undefined);
    }
  }

  #take(message: Message): void {
    if (message.event !== undefined) {
      this.#onEvent(message);
      return;
    }
    const id = numberIn(message, "id") ?? 0;
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return; // its request was given up
    this.#settled(id);
    const failure = failureIn(message);
    if (failure === undefined) waiting.resolve(message);
    else waiting.reject(new RefusedRequest(failure));
  }

  /**
   * Sends a request, and resolves with its answer. `id` becomes known before the answer: it also names what the
   * request makes.
   * @throws RefusedRequest, HungUp, or the signal's reason
   */
  async request(
    kind: string,
    fields: Message = {},
    signal?: AbortSignal,
    id: number = this.newId(),
  ): Promise<Message> {
    signal?.throwIfAborted();
    if (this.#isOver) throw new HungUp();
    const answer = new Promise<Message>((resolve, reject) => {
      const frame = encodeFrame({ kind, id, ...fields });
      this.#waiting.set(id, { resolve, reject });
      this.hold();
      this.#socket.write(frame);
    });
    try {
      return await untilAborted(answer, signal);
    } finally {
      if (this.#waiting.has(id)) this.#settled(id); // it was given up
    }
  }

  #settled(id: number): void {
    this.#waiting.delete(id);
    if (id !== 0) this.release();
  }

  /** Returns a number that no other request has had. */
  newId(): number {
    return this.#nextId++;
  }

  /** Sends a request that needs no answer. */
  tell(kind: string, fields: Message): void {
    if (!this.#isOver) this.#socket.write(encodeFrame({ kind, ...fields }));
  }

  /** Keeps the process alive until as many calls of release(). */
  hold(): void {
    if (this.#holds++ === 0) this.#socket.ref();
  }

  release(): void {
    if (--this.#holds === 0) this.#socket.unref();
  }

  /** The engine has hung up, or the channel is closed. That is known before `ended` resolves. */
  get isEnding(): boolean {
    return this.#isEnding || this.#isOver;
  }

  /** Resolves once the channel has ended, whoever ended it. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  #end(): void {
    this.#isOver = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new HungUp());
    this.#finish();
  }

  close(): void {
    this.#socket.destroy();
  }
}
