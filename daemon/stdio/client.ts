import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { Chunk } from './chunk.ts';
import type { AttachRequest, StreamName } from './contract.ts';
import { DetachScanner, defaultDetachKeys } from './detach-keys.ts';
import type { FifoWriter } from './fifo.ts';
import { writeFrame } from './frame.ts';

/** How an attach ended. */
export type AttachEnd = 'ended' | 'detached' | 'closed';

/** What a client needs of the process it is attached to. */
export interface AttachTarget {
  readonly tty: boolean;
  readonly stdinOnce: boolean;
  /** Undefined for a process without stdin. */
  readonly stdin: FifoWriter | undefined;
  /** Output is not read while anybody holds it. */
  hold(): void;
  release(): void;
  endStdin(): void;
}

/** One attached client: takes output at its own pace (the process's output is held while it is behind) and hands its input to the process. */
export class AttachedClient {
  readonly finished: Promise<AttachEnd>;
  readonly #request: AttachRequest;
  readonly #target: AttachTarget;
  readonly #finish: (how: AttachEnd) => void;
  readonly #cleanup = new DisposableStack();
  #behind = false;
  #over = false;

  constructor(request: AttachRequest, target: AttachTarget) {
    this.#request = request;
    this.#target = target;
    const { promise, resolve } = Promise.withResolvers<AttachEnd>();
    this.finished = promise;
    this.#finish = resolve;
    this.#listen(request.output, 'close', () => this.end('closed'));
    this.#listen(request.output, 'error', () => this.end('closed'));
    if (request.signal) {
      const { signal } = request;
      const abort = (): void => this.end('closed');
      signal.addEventListener('abort', abort, { once: true });
      this.#cleanup.defer(() => signal.removeEventListener('abort', abort));
      if (signal.aborted) this.end('closed');
    }
    if (request.output.destroyed) this.end('closed');
  }

  /** Output of the process; nothing when the client did not ask for that stream. */
  send(stream: StreamName, chunk: Chunk): void {
    const { output, multiplexed } = this.#request;
    if (this.#over || !this.#request[stream] || output.destroyed || output.writableEnded) return;
    // A socket has written the bytes when it calls back; other streams may still hold them then.
    const isSocket = output instanceof Socket;
    const bytes = isSocket ? chunk.share() : chunk.copy();
    const done = isSocket ? () => chunk.release() : undefined;
    const more = multiplexed ? writeFrame(output, stream, bytes, done) : output.write(bytes, done);
    if (more || this.#behind) return;
    this.#behind = true;
    this.#target.hold();
    output.once('drain', this.#caughtUp);
  }

  /** Starts passing the client's input on. Called once, after `before`. */
  startInput(): void {
    const { input } = this.#request;
    if (!input || this.#over) return;
    const { stdin } = this.#target;
    if (!stdin) {
      input.resume(); // nobody reads it, but its end must be seen
      return;
    }
    this.#pump(input, stdin);
  }

  /** Ends the attach; further calls do nothing. `output` stays open: it is the caller's. */
  end(how: AttachEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#cleanup.dispose();
    this.#caughtUp();
    this.#finish(how);
  }

  #pump(input: Readable, stdin: FifoWriter): void {
    const keys = this.#request.detachKeys ?? defaultDetachKeys;
    const scanner = this.#target.tty && keys.length > 0 ? new DetachScanner(keys) : undefined;
    const resume = (): void => {
      if (!this.#over) input.resume();
    };
    const endsStdin = this.#target.stdinOnce && !this.#target.tty;
    let left = false;
    const leave = (): void => {
      if (left) return;
      left = true;
      // Docker: with StdinOnce the client's end of input is the process's, unless that has a terminal; else the client is cut off and stdin stays open for the next one.
      if (endsStdin) this.#target.endStdin();
      else this.end('closed');
    };
    this.#listen(input, 'data', (chunk: Buffer) => {
      const { pass, detached } = scanner?.scan(chunk) ?? { pass: chunk, detached: false };
      if (pass.length > 0 && !stdin.write(pass, resume)) input.pause();
      if (detached) this.end('detached');
    });
    this.#listen(input, 'end', leave);
    this.#listen(input, 'close', leave);
    this.#cleanup.defer(() => {
      // A client that hangs up with StdinOnce ends stdin as well; one that detached by keys does not.
      if (input.destroyed && endsStdin) leave();
    });
    input.on('error', () => undefined); // 'close' follows
  }

  #listen(emitter: NodeJS.EventEmitter, event: string, listener: (...args: never[]) => void): void {
    const plain = listener as (...args: unknown[]) => void; // Node types listeners loosely
    emitter.on(event, plain);
    this.#cleanup.defer(() => emitter.off(event, plain));
  }

  readonly #caughtUp = (): void => {
    if (!this.#behind) return;
    this.#behind = false;
    this.#request.output.off('drain', this.#caughtUp);
    this.#target.release();
  };
}
