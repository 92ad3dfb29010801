import { invalidArgument } from '../../errors/error.ts';
import type { VolumeCreateConfig } from '../../types/docker/volume.ts';

/** Reads the body of a volume create; a missing body asks for an anonymous local volume. Unknown fields are left out. Throws invalidArgument with Go's text. */
export function checkCreate(body: unknown): VolumeCreateConfig {
  if (body === undefined || body === null) return {};
  if (typeof body !== 'object' || Array.isArray(body)) throw wrongType(body, '', 'volume.CreateOptions');
  const names = ['Name', 'Driver', 'DriverOpts', 'Labels'];
  const spelled = (key: string) => names.find((name) => name.toLowerCase() === key.toLowerCase()) ?? key; // Go's decoder does not mind the case
  const fields: Record<string, unknown> = Object.fromEntries(Object.entries(body).map(([key, value]) => [spelled(key), value]));
  return {
    Name: text(fields, 'Name'),
    Driver: text(fields, 'Driver'),
    DriverOpts: texts(fields, 'DriverOpts'),
    Labels: texts(fields, 'Labels'),
  };
}

function text(fields: Record<string, unknown>, key: string): string | undefined {
  const value = fields[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw wrongType(value, key, 'string');
  return value;
}

function texts(fields: Record<string, unknown>, key: string): Record<string, string> | undefined {
  const value = fields[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) throw wrongType(value, key, 'map[string]string');
  for (const one of Object.values(value)) if (typeof one !== 'string') throw wrongType(one, key, 'string');
  return value as Record<string, string>; // every value was looked at
}

function wrongType(value: unknown, key: string, wanted: string): Error {
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return invalidArgument(
    `invalid JSON: json: cannot unmarshal ${kind} into Go ${key ? `struct field CreateOptions.${key}` : 'value'} of type ${wanted}`,
  );
}
