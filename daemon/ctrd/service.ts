import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import type { Channel, WireMethod } from './channel.ts';
import type { MethodDefinition, ServiceClient, ServiceDefinition } from './contract.ts';

/** What ts-proto generates for every message; the service tables carry it without the encoding half in their types. */
interface MessageCodec {
  encode(message: unknown): BinaryWriter;
  decode(bytes: Uint8Array): unknown;
  fromPartial(partial: unknown): unknown;
}

/** The wire side of one generated method. */
export function wireMethod(service: ServiceDefinition, method: MethodDefinition): WireMethod<unknown, unknown> {
  const request = method.requestType as MessageCodec; // generated codecs all have this shape
  const response = method.responseType as MessageCodec;
  return {
    path: `/${service.fullName}/${method.name}`,
    serialize: (message) => toBuffer(request.encode(request.fromPartial(message)).finish()),
    deserialize: (bytes) => response.decode(bytes),
  };
}

/** Callable methods for a generated service table, made when first asked for. */
export function createServiceClient<D extends ServiceDefinition>(channel: Channel, definition: D): ServiceClient<D> {
  const methods: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(definition.methods)) {
    if (method.requestStream) continue;
    const wire = wireMethod(definition, method);
    methods[name] = method.responseStream
      ? (request: unknown, options?: object) => channel.serverStream(wire, request, options)
      : (request: unknown, options?: object) => channel.unary(wire, request, options);
  }
  return methods as ServiceClient<D>; // the loop above follows the same table as the type
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
