import { invalidArgument } from '../../errors/error.ts';
import type { EndpointSettings, NetworkCreateRequest } from '../../types/docker/network.ts';

type Fields = Record<string, unknown>;
type Shape = { [key: string]: 'string' | 'bool' | 'int' | 'map[string]string' | '[]string' | Shape | [Shape] };

const createShape: Shape = {
  Name: 'string',
  Driver: 'string',
  Scope: 'string',
  CheckDuplicate: 'bool',
  Internal: 'bool',
  Attachable: 'bool',
  Ingress: 'bool',
  ConfigOnly: 'bool',
  EnableIPv6: 'bool',
  ConfigFrom: { Network: 'string' },
  IPAM: {
    Driver: 'string',
    Options: 'map[string]string',
    Config: [{ Subnet: 'string', IPRange: 'string', Gateway: 'string', AuxiliaryAddresses: 'map[string]string' }],
  },
  Options: 'map[string]string',
  Labels: 'map[string]string',
};

const endpointShape: Shape = {
  IPAMConfig: { IPv4Address: 'string', IPv6Address: 'string', LinkLocalIPs: '[]string' },
  Links: '[]string',
  Aliases: '[]string',
  MacAddress: 'string',
  DriverOpts: 'map[string]string',
};

/** Reads the body of a network create. Unknown fields are left alone, null counts as missing. Throws invalidArgument with Go's text. */
export function checkCreate(body: unknown): NetworkCreateRequest {
  const fields = shaped(body, createShape, 'NetworkCreateRequest');
  return { ...fields, Name: (fields['Name'] as string | undefined) ?? '' }; // its fields were judged by the shape
}

/** Reads the body of connect. */
export function checkConnect(body: unknown): { container: string; settings: EndpointSettings } {
  const fields = shaped(body, { Container: 'string', EndpointConfig: endpointShape }, 'ConnectOptions');
  return {
    container: (fields['Container'] as string | undefined) ?? '',
    settings: (fields['EndpointConfig'] as EndpointSettings | undefined) ?? {},
  }; // judged by the shape
}

/** Reads the body of disconnect. */
export function checkDisconnect(body: unknown): { container: string; force: boolean } {
  const fields = shaped(body, { Container: 'string', Force: 'bool' }, 'DisconnectOptions');
  return { container: (fields['Container'] as string | undefined) ?? '', force: fields['Force'] === true }; // judged by the shape
}

function shaped(body: unknown, shape: Shape, name: string): Fields {
  if (body === undefined || body === null) throw invalidArgument('invalid JSON: got EOF while reading request body');
  return object(body, shape, name);
}

function object(value: unknown, shape: Shape, path: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(value, path, 'struct');
  const fields: Fields = {};
  for (const [key, one] of Object.entries(value)) {
    const known = Object.keys(shape).find((name) => name.toLowerCase() === key.toLowerCase()) ?? key; // Go's decoder does not mind the case
    if (one !== null && one !== undefined) fields[known] = checked(one, shape[known], `${path}.${known}`);
  }
  return fields;
}

function checked(value: unknown, kind: Shape[string] | undefined, path: string): unknown {
  if (kind === undefined) return value;
  if (Array.isArray(kind)) {
    if (!Array.isArray(value)) throw wrongType(value, path, '[]struct');
    return value.map((one) => object(one, kind[0], path));
  }
  if (typeof kind === 'object') return object(value, kind, path);
  if (!isOfKind(value, kind)) throw wrongType(value, path, kind);
  return value;
}

function isOfKind(value: unknown, kind: string): boolean {
  switch (kind) {
    case 'string':
      return typeof value === 'string';
    case 'bool':
      return typeof value === 'boolean';
    case 'int':
      return Number.isInteger(value);
    case '[]string':
      return Array.isArray(value) && value.every((one) => typeof one === 'string');
    default:
      return (
        typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        Object.values(value).every((one) => typeof one === 'string')
      );
  }
}

function wrongType(value: unknown, path: string, wanted: string): Error {
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return invalidArgument(`invalid JSON: json: cannot unmarshal ${kind} into Go struct field ${path} of type ${wanted}`);
}
