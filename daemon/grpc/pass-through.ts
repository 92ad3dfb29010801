// Hands calls on to containerd as bytes: no message is decoded unless a namespace rule has to look at it. Both directions keep back-pressure, a client that
// leaves cancels the call in containerd, deadlines travel on, and headers, status and trailers come back as containerd sent them.
import type { ClientDuplexStream, Metadata, Server, ServerDuplexStream, StatusObject } from '@grpc/grpc-js';
import { kindOf, messageOf } from '../errors/error.ts';
import { wire } from '../errors/wire.ts';
import type { Upstream } from './upstream.ts';

/** What the namespace policy does to a method. */
export interface MethodRule {
  /** Changes the headers for containerd in place; throws to refuse the call. */
  headers(metadata: Metadata): void;
  /** Throws to refuse a request. */
  request?(bytes: Buffer): void;
  /** The response to send, or undefined to leave it out. */
  response?(bytes: Buffer): Buffer | undefined;
}

type Downstream = ServerDuplexStream<Buffer, Buffer>;
type Handler = Parameters<typeof Server.prototype.register<Buffer, Buffer>>[1];

const same = (bytes: Buffer): Buffer => bytes;
const ownHeaders = [
  'user-agent',
  'content-type',
  'date',
  'te',
  'host',
  'grpc-encoding',
  'grpc-accept-encoding',
  'accept-encoding',
];

/**
 * Registers a method (`/containerd.services.tasks.v1.Tasks/Start`) that is answered by containerd. Every kind of call is served as a stream both ways: on the
 * wire they are the same.
 */
export function passThrough(server: Server, path: string, upstream: Upstream, rule: MethodRule): void {
  const handler = (call: Downstream) => {
    void handOn(call, path, upstream, rule).catch((error: unknown) => fail(call, error));
  };
  server.register(path, handler as Handler, same, same, 'bidi'); // its type is a union without our case
}

async function handOn(call: Downstream, path: string, upstream: Upstream, rule: MethodRule): Promise<void> {
  const headers = withoutOwn(call.metadata);
  rule.headers(headers);
  const client = await upstream.client();
  if (call.cancelled) return;
  const deadline = call.getDeadline();
  const target = client.makeBidiStreamRequest<Buffer, Buffer>(path, same, same, headers, { deadline });
  call.on('cancelled', () => target.cancel());
  requests(call, target, rule);
  responses(target, call, rule);
}

function requests(call: Downstream, target: ClientDuplexStream<Buffer, Buffer>, rule: MethodRule): void {
  let isOver = false;
  target.on('status', () => {
    isOver = true;
    call.resume(); // what the client still sends goes nowhere
  });
  call.on('data', (bytes: Buffer) => {
    if (isOver) return;
    try {
      rule.request?.(bytes);
    } catch (error) {
      isOver = true;
      fail(call, error);
      target.cancel();
      return;
    }
    if (target.write(bytes)) return;
    call.pause();
    target.once('drain', () => call.resume());
  });
  call.on('end', () => {
    if (!isOver) target.end();
  });
}

function responses(target: ClientDuplexStream<Buffer, Buffer>, call: Downstream, rule: MethodRule): void {
  let status: StatusObject | undefined;
  let isDrained = false;
  const finish = () => {
    // grpc-js tells the status before buffered messages are read; the client gets them first.
    if (!status || !isDrained || call.writableEnded) return;
    if (status.code === 0) call.end(withoutOwn(status.metadata));
    else call.emit('error', { code: status.code, details: status.details, metadata: withoutOwn(status.metadata) });
  };
  target.on('metadata', (metadata) => {
    if (!call.cancelled) call.sendMetadata(withoutOwn(metadata));
  });
  target.on('data', (bytes: Buffer) => {
    let response: Buffer | undefined;
    try {
      response = rule.response ? rule.response(bytes) : bytes;
    } catch (error) {
      fail(call, error);
      target.cancel();
    }
    if (response === undefined || call.writableEnded || call.write(response)) return;
    target.pause();
    call.once('drain', () => target.resume());
  });
  target.on('end', () => {
    isDrained = true;
    finish();
  });
  target.on('error', () => {}); // told by the status
  target.on('status', (received) => {
    status = received;
    finish();
  });
}

/** Answers with an error of the daemon's own. */
export function fail(call: Downstream, error: unknown): void {
  if (call.writableEnded) return;
  call.emit('error', { code: wire[kindOf(error)].grpc, details: messageOf(error) });
}

/** A copy without what belongs to one hop. */
function withoutOwn(metadata: Metadata): Metadata {
  const copy = metadata.clone();
  for (const name of ownHeaders) copy.remove(name);
  return copy;
}
