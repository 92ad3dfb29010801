// One HTTP/2 connection to containerd and gRPC upon it: five bytes before each message, the outcome in the trailers. node:http2 is used directly because
// grpc-js costs 1.4 times the CPU of a call, 50 ms more at start and 50 MB more memory (docs/adr/0004). An abort or a timeout resets
// the stream, so containerd stops too; errors leave here as PouchErrors with containerd's text.
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { internal, type Kind, messageOf, PouchError, unavailable } from '../errors/error.ts';
import { kindOfGrpc } from '../errors/wire.ts';
import { CallFigures } from './call-figures.ts';
import type { CallOptions } from './contract.ts';
import { FrameReader, framePrefix } from './grpc-frame.ts';

/** How a method's messages become bytes, and its full path (`/containerd.services.tasks.v1.Tasks/Start`). */
export interface WireMethod<Req, Res> {
  readonly path: string;
  readonly serialize: (request: Req) => Buffer;
  readonly deserialize: (bytes: Buffer) => Res;
}

/** A call streaming both ways. `send` resolves when the next message may follow; `end` closes our half; whoever opens it calls `cancel` when done. */
export interface DuplexCall<Req, Res> {
  send(request: Req): Promise<void>;
  end(): void;
  readonly responses: AsyncIterable<Res>;
  cancel(): void;
}

/** Options of a channel. `gate` is awaited before each call while it gives a promise: the supervisor's wait for a restart. */
export interface ChannelOptions {
  socket: string;
  namespace: string;
  gate?: () => Promise<void> | undefined;
}

/** A session and how many calls are under way on it: without any it does not keep the process alive. */
interface Connection {
  readonly session: ClientHttp2Session;
  active: number;
  calls: number;
}

/** One stream of a call: what is known of its outcome. */
interface Exchange {
  readonly stream: ClientHttp2Stream;
  /** Resolves when the outcome is known and everything was read; rejects with it when it is a failure. */
  readonly outcome: Promise<void>;
  cancel(): void;
}

const windowBytes = 1024 * 1024;
const resetCancel = 8; // NGHTTP2_CANCEL
const callsPerConnection = 2 ** 29; // HTTP/2 has 2^30 stream ids for a client, and no more after that

/** The connection. It is made with the first call and again after `disconnect` or a loss. */
export class Channel {
  readonly #options: ChannelOptions;
  readonly figures = new CallFigures();
  #http2: typeof import('node:http2') | undefined;
  #connection: Connection | undefined;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  get namespace(): string {
    return this.#options.namespace;
  }

  /** Loads node:http2 ahead of the first call. */
  async warm(): Promise<void> {
    this.#http2 ??= await import('node:http2');
  }

  /** Ends the connection; calls under way fail with `unavailable`. */
  disconnect(): void {
    this.#connection?.session.destroy();
    this.#connection = undefined;
  }

  async unary<Req, Res>(method: WireMethod<Req, Res>, request: Req, options: CallOptions = {}): Promise<Res> {
    const wait = this.#options.gate?.();
    if (wait || !this.#http2) await this.#prepare(wait, options.signal);
    const { stream, outcome } = this.#start(method.path, options);
    const reader = new FrameReader();
    let message: Buffer | undefined;
    let broken: unknown;
    stream.on('data', (chunk: Buffer) => {
      try {
        message = reader.push(chunk)[0] ?? message;
      } catch (error) {
        broken = error;
        stream.close(resetCancel);
      }
    });
    write(stream, method.serialize(request));
    stream.end();
    await outcome;
    if (broken) throw broken;
    if (!message) throw internal(`containerd answered ${method.path} without a message`);
    return method.deserialize(message);
  }

  /** Starts with the first read; leaving the loop cancels the call. */
  async *serverStream<Req, Res>(method: WireMethod<Req, Res>, request: Req, options: CallOptions = {}): AsyncGenerator<Res> {
    const wait = this.#options.gate?.();
    if (wait || !this.#http2) await this.#prepare(wait, options.signal);
    const exchange = this.#start(method.path, options);
    write(exchange.stream, method.serialize(request));
    exchange.stream.end();
    try {
      yield* messages(exchange, method.deserialize);
    } finally {
      exchange.cancel();
    }
  }

  async duplex<Req, Res>(method: WireMethod<Req, Res>, options: CallOptions = {}): Promise<DuplexCall<Req, Res>> {
    const wait = this.#options.gate?.();
    if (wait || !this.#http2) await this.#prepare(wait, options.signal);
    const exchange = this.#start(method.path, options);
    const { stream } = exchange;
    stream.on('readable', () => {}); // kept for whoever reads later: a stream nobody listens to drops its data when it closes
    // When containerd gives up in the middle (a full disk), it answers and reads no more: a write that waits for room would wait for ever.
    let isOver = false;
    let wake = () => {};
    const over = () => {
      isOver = true;
      wake();
    };
    stream.once('trailers', over).once('close', over);
    stream.once('response', (headers) => {
      if (headers['grpc-status'] !== undefined) over();
    });
    return {
      // A write to a stream that has ended resolves too; whoever reads the responses is told why.
      send: (request) =>
        new Promise((resolve) => {
          wake = resolve;
          if (isOver) resolve();
          else write(stream, method.serialize(request), resolve);
        }),
      end: () => stream.end(),
      responses: messages(exchange, method.deserialize),
      cancel: exchange.cancel,
    };
  }

  async #prepare(wait: Promise<void> | undefined, signal: AbortSignal | undefined): Promise<void> {
    await abortable(wait, signal); // first: while containerd boots, the daemon has better to do than to load more code
    await this.warm();
  }

  #start(path: string, options: CallOptions): Exchange {
    const { signal, timeoutMs } = options;
    if (signal?.aborted) throw cancelled(signal);
    if (timeoutMs !== undefined && timeoutMs <= 0) throw tooLate();
    const started = performance.now();
    const connection = this.#connected();
    const { session } = connection;
    const stream = session.request(this.#headers(path, options));
    const { promise: outcome, resolve, reject } = Promise.withResolvers<void>();
    outcome.catch(() => {}); // told to whoever reads; a call that was left early has no reader
    if (connection.active++ === 0) session.ref();
    if (++connection.calls === callsPerConnection) this.#connection = undefined; // closed after its last call

    let status: { code: number; message: string } | undefined;
    let failure: unknown;
    let isRead = false;
    let isSettled = false;
    const settle = () => {
      if (isSettled) return;
      isSettled = true;
      this.figures.add(path, status?.code, performance.now() - started);
      if (status?.code === 0) resolve();
      else if (status) reject(new PouchError(kindOfGrpc(status.code), status.message));
      else reject(failure ?? unavailable(`the connection to containerd ended (${this.#options.socket})`));
    };
    const cancel = () => {
      stream.close(resetCancel);
      stream.destroy(); // a reader that left would keep it open
    };
    const giveUp = (reason: unknown) => {
      if (isSettled) return;
      status = undefined;
      failure = reason;
      settle();
      cancel();
    };
    const learn = (headers: IncomingHttpHeaders) => {
      status ??= statusOf(headers);
      if (isRead && status) settle();
    };
    stream.on('response', learn); // a failure may come without a body, all in the first headers
    stream.on('trailers', learn);
    stream.on('end', () => {
      isRead = true;
      if (status) settle();
    });
    stream.on('error', (error) => {
      failure ??= unavailable(`cannot reach containerd at ${this.#options.socket}: ${messageOf(error)}`, error);
    });
    const onAbort = () => giveUp(cancelled(signal!)); // only registered with a signal
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => giveUp(tooLate()), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    stream.once('close', () => {
      signal?.removeEventListener('abort', onAbort);
      clearTimeout(timer);
      if (--connection.active === 0) {
        if (connection.calls >= callsPerConnection) session.close();
        else session.unref();
      }
      settle();
    });
    return { stream, outcome, cancel };
  }

  #headers(path: string, { lease, namespace, timeoutMs }: CallOptions): OutgoingHttpHeaders {
    const headers: OutgoingHttpHeaders = {
      ':method': 'POST',
      ':path': path,
      te: 'trailers',
      'content-type': 'application/grpc',
      'containerd-namespace': namespace ?? this.#options.namespace,
    };
    if (lease) headers['containerd-lease'] = lease;
    if (timeoutMs !== undefined) headers['grpc-timeout'] = `${Math.min(Math.ceil(timeoutMs), 99_999_999)}m`;
    return headers;
  }

  #connected(): Connection {
    const known = this.#connection;
    if (known && !known.session.closed && !known.session.destroyed) return known;
    if (!this.#http2) throw internal('node:http2 is not loaded');
    const session = this.#http2.connect('http://containerd', {
      createConnection: () => connectSocket(this.#options.socket),
      settings: { enablePush: false, initialWindowSize: windowBytes },
      maxSessionMemory: 256, // MB: blobs under way in both directions
    });
    const connection = { session, active: 0, calls: 0 };
    const forget = () => {
      if (this.#connection === connection) this.#connection = undefined;
    };
    session.on('error', forget); // every stream of it is told
    session.on('close', forget);
    session.on('goaway', forget); // calls under way end on it, new ones take another connection
    session.once('connect', () => {
      if (!session.destroyed) session.setLocalWindowSize(4 * windowBytes);
    });
    session.unref();
    this.#connection = connection;
    return connection;
  }
}

function write(stream: ClientHttp2Stream, message: Buffer, done?: () => void): void {
  if (stream.writableEnded || stream.destroyed) {
    done?.();
    return;
  }
  stream.cork();
  stream.write(framePrefix(message.length));
  stream.write(message, () => done?.());
  stream.uncork();
}

/** The messages of a call as they come; ends with its outcome. Reading slowly holds containerd back. */
async function* messages<Res>({ stream, outcome }: Exchange, deserialize: (bytes: Buffer) => Res): AsyncGenerator<Res> {
  const reader = new FrameReader();
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      for (const message of reader.push(chunk)) yield deserialize(message);
    }
  } catch (error) {
    await outcome; // says better why the stream broke
    throw error;
  }
  await outcome;
}

function statusOf(headers: IncomingHttpHeaders): { code: number; message: string } | undefined {
  const code = headers['grpc-status'];
  if (code !== undefined) return { code: Number(code), message: decoded(String(headers['grpc-message'] ?? '')) };
  const status = Number(headers[':status'] ?? 200);
  return status === 200 ? undefined : { code: 14, message: `containerd answered with HTTP status ${status}` };
}

/** gRPC writes messages percent-encoded; one that is not is taken as it stands. */
function decoded(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}

function tooLate(): PouchError {
  return new PouchError('deadlineExceeded', 'containerd did not answer in time');
}

function cancelled(signal: AbortSignal): PouchError {
  const isLate = signal.reason instanceof Error && signal.reason.name === 'TimeoutError';
  const kind: Kind = isLate ? 'deadlineExceeded' : 'cancelled';
  return new PouchError(kind, isLate ? 'containerd did not answer in time' : 'the call to containerd was cancelled', {
    cause: signal.reason,
  });
}

async function abortable(wait: Promise<void> | undefined, signal: AbortSignal | undefined): Promise<void> {
  if (!wait || !signal) return wait;
  if (signal.aborted) throw cancelled(signal);
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(cancelled(signal));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([wait, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
