import { invalidArgument } from '../daemon/errors/error.ts';
import type { PluginLog } from './context.ts';
import type { JsonSchema } from './registry.ts';

/** One config section and what it is checked against. */
export interface SectionInput {
  /** For messages: `plugin io.pouchd.volume.v1.local`. */
  readonly owner: string;
  readonly section: unknown;
  readonly defaults?: Record<string, unknown>;
  readonly schema?: JsonSchema;
  readonly log?: PluginLog;
}

/**
 * Lays a section over its defaults and checks it against its schema (whose own `default`s are filled in). Throws invalidArgument that names the owner and every
 * field that does not fit. Unknown keys are told at warn, unless the schema refuses them. ajv is loaded here only, so a daemon without sections never pays for it.
 */
export async function decodeSection(input: SectionInput): Promise<Record<string, unknown>> {
  const { owner, section, defaults = {}, schema, log } = input;
  if (section === null || typeof section !== 'object' || Array.isArray(section))
    throw invalidArgument(`config of ${owner} must be an object`);
  const value: Record<string, unknown> = { ...structuredClone(defaults), ...structuredClone(section) };
  if (!schema) return value;
  const plain = Object.keys(value).length === 0 ? plainDefaults(schema) : undefined;
  if (plain) return plain;
  const { Ajv } = await import('ajv');
  const ajv = new Ajv({ allErrors: true, useDefaults: true, strict: false });
  const validate = ajv.compile(schema);
  if (!validate(value))
    throw invalidArgument(
      `config of ${owner} is not valid: ${ajv.errorsText(validate.errors, { dataVar: 'config', separator: '; ' })}`,
    );
  const known = schema['properties'];
  if (log && known && typeof known === 'object') {
    const unknown = Object.keys(value).filter((name) => !(name in known));
    if (unknown.length > 0) log.warn('unknown config keys', { owner, keys: unknown });
  }
  return value;
}

/** The defaults of a schema for an empty section, or undefined when it takes ajv to tell: something is required, or a default has parts of its own. */
function plainDefaults(schema: JsonSchema): Record<string, unknown> | undefined {
  const { required, properties = {}, ...rest } = schema;
  const harmless = Object.keys(rest).every((name) =>
    ['$schema', '$id', 'title', 'description', 'type', 'additionalProperties'].includes(name),
  );
  if ((Array.isArray(required) && required.length > 0) || !harmless) return undefined;
  const defaults: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(properties as Record<string, { default?: unknown }>)) {
    // as a JSON schema has it
    if (property?.default === undefined) continue;
    if (typeof property.default === 'object') return undefined;
    defaults[name] = property.default;
  }
  return defaults;
}
