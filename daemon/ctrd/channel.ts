// One HTTP/2 connection to containerd. grpc-js is loaded with the first call (or by `warm`), after the daemon's own socket is up;
// codecs are handed in per method. A call's abort signal cancels the stream, its errors leave here as PouchErrors.
import type { Client, CallOptions as GrpcOptions, Metadata, ServiceError } from '@grpc/grpc-js';
import { type Kind, PouchError, unavailable } from '../errors/error.ts';
import { kindOfGrpc } from '../errors/wire.ts';
import type { CallOptions } from './contract.ts';

type Grpc = typeof import('@grpc/grpc-js');

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

/** The connection. It is made with the first call and again after `disconnect`. */
export class Channel {
  readonly #options: ChannelOptions;
  #grpc: Grpc | undefined;
  #loading: Promise<void> | undefined;
  #client: Client | undefined;
  #metadata: Metadata | undefined;

  constructor(options: ChannelOptions) {
    this.#options = options;
  }

  get namespace(): string {
    return this.#options.namespace;
  }

  /** Loads grpc-js ahead of the first call. */
  async warm(): Promise<void> {
    this.#loading ??= import('@grpc/grpc-js').then((grpc) => {
      this.#grpc = grpc;
    });
    await this.#loading;
  }

  disconnect(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  async unary<Req, Res>(method: WireMethod<Req, Res>, request: Req, options: CallOptions = {}): Promise<Res> {
    const client = this.#open() ?? (await this.#prepare(options.signal));
    const { signal } = options;
    if (signal?.aborted) throw cancelled(signal);
    return new Promise((resolve, reject) => {
      const onAbort = () => call.cancel();
      const call = client.makeUnaryRequest(
        method.path,
        method.serialize,
        method.deserialize,
        request,
        this.#metadataFor(options),
        callOptions(options),
        (error, value) => {
          signal?.removeEventListener('abort', onAbort);
          if (error) reject(toPouchError(error, signal));
          else resolve(value as Res); // grpc-js gives a value whenever it gives no error
        },
      );
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Starts with the first read; leaving the loop cancels the call. */
  async *serverStream<Req, Res>(method: WireMethod<Req, Res>, request: Req, options: CallOptions = {}): AsyncGenerator<Res> {
    const client = this.#open() ?? (await this.#prepare(options.signal));
    const { signal } = options;
    if (signal?.aborted) throw cancelled(signal);
    const call = client.makeServerStreamRequest(
      method.path,
      method.serialize,
      method.deserialize,
      request,
      this.#metadataFor(options),
      callOptions(options),
    );
    const onAbort = () => call.cancel();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      for await (const message of call) yield message as Res; // what `deserialize` returned
    } catch (error) {
      throw toPouchError(error, signal);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      call.on('error', () => {}); // the cancellation of a loop that was left early is no failure
      call.cancel();
    }
  }

  async duplex<Req, Res>(method: WireMethod<Req, Res>, options: CallOptions = {}): Promise<DuplexCall<Req, Res>> {
    const client = this.#open() ?? (await this.#prepare(options.signal));
    const { signal } = options;
    if (signal?.aborted) throw cancelled(signal);
    const call = client.makeBidiStreamRequest(
      method.path,
      method.serialize,
      method.deserialize,
      this.#metadataFor(options),
      callOptions(options),
    );
    const onAbort = () => call.cancel();
    signal?.addEventListener('abort', onAbort, { once: true });
    let failure: unknown;
    call.on('error', (error) => {
      failure ??= error; // told to whoever reads the responses
    });
    async function* responses(): AsyncGenerator<Res> {
      try {
        for await (const message of call) yield message as Res; // what `deserialize` returned
      } catch (error) {
        throw toPouchError(failure ?? error, signal);
      }
    }
    return {
      send: (request) =>
        new Promise((resolve) => {
          if (failure || call.destroyed) resolve();
          else call.write(request, () => resolve());
        }),
      end: () => call.end(),
      responses: responses(),
      cancel: () => {
        signal?.removeEventListener('abort', onAbort);
        call.cancel();
      },
    };
  }

  /** The open connection, when nothing has to be waited for. */
  #open(): Client | undefined {
    return this.#client && !this.#options.gate?.() ? this.#client : undefined;
  }

  async #prepare(signal: AbortSignal | undefined): Promise<Client> {
    await abortable(this.#options.gate?.(), signal); // first: while containerd boots, the daemon has better to do than to load grpc-js
    await this.warm();
    const grpc = this.#grpc;
    if (!grpc) throw unavailable('grpc could not be loaded');
    this.#client ??= new grpc.Client(`unix:${this.#options.socket}`, grpc.credentials.createInsecure(), {
      'grpc.max_receive_message_length': 64 * 1024 * 1024, // container lists of large hosts
      'grpc.max_send_message_length': -1,
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_channelz': 0,
      'grpc.enable_http_proxy': 0,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1000,
    });
    return this.#client;
  }

  #metadataFor({ lease, namespace }: CallOptions): Metadata {
    const grpc = this.#grpc;
    if (!grpc) throw unavailable('grpc is not loaded');
    if (!lease && !namespace && this.#metadata) return this.#metadata;
    const metadata = new grpc.Metadata();
    metadata.set('containerd-namespace', namespace ?? this.#options.namespace);
    if (lease) metadata.set('containerd-lease', lease);
    if (!lease && !namespace) this.#metadata = metadata;
    return metadata;
  }
}

function callOptions({ timeoutMs }: CallOptions): GrpcOptions {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}

function cancelled(signal: AbortSignal): PouchError {
  const timedOut = signal.reason instanceof Error && signal.reason.name === 'TimeoutError';
  const kind: Kind = timedOut ? 'deadlineExceeded' : 'cancelled';
  return new PouchError(kind, timedOut ? 'containerd did not answer in time' : 'the call to containerd was cancelled', {
    cause: signal.reason,
  });
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

/** containerd's own text, without the `5 NOT_FOUND: ` that grpc-js puts in front. */
function toPouchError(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return cancelled(signal);
  if (!isServiceError(error)) return error;
  return new PouchError(kindOfGrpc(error.code), error.details, { cause: error });
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
