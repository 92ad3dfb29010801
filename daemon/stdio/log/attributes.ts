import { invalidArgument, messageOf } from '../../errors/error.ts';
import { shortId } from '../../lib/id.ts';
import type { LogRequest } from '../contract.ts';

/** The options with which drivers pick labels and environment variables of the container into every entry. */
export const attributeOptions = ['labels', 'labels-regex', 'env', 'env-regex'] as const;

/** Labels and environment variables that the options pick, by name; empty when none. Throws invalidArgument for a bad regular expression. */
export function pickAttributes(request: LogRequest): Record<string, string> {
  const { config, labels } = request;
  const env = Object.fromEntries(
    request.env.flatMap((entry) => {
      const at = entry.indexOf('=');
      return at > 0 ? [[entry.slice(0, at), entry.slice(at + 1)]] : [];
    }),
  );
  return {
    ...pick(labels, config['labels'], config['labels-regex']),
    ...pick(env, config['env'], config['env-regex']),
  };
}

function pick(
  from: Readonly<Record<string, string>>,
  names: string | undefined,
  pattern: string | undefined,
): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names ? names.split(',') : []) {
    const value = from[name];
    if (value !== undefined) picked[name] = value;
  }
  if (!pattern) return picked;
  const regex = compile(pattern);
  for (const [name, value] of Object.entries(from)) if (regex.test(name)) picked[name] = value;
  return picked;
}

function compile(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (error) {
    throw invalidArgument(`error parsing regexp: ${messageOf(error)}`, error);
  }
}

/** The `tag` option with its `{{.Name}}`-like fields filled in; `fallback` where it is not given. Throws invalidArgument for anything but plain fields. */
export function renderTag(request: LogRequest, fallback: string): string {
  const template = request.config['tag'] || fallback;
  const fields: Record<string, string> = {
    ID: request.containerId.slice(0, 12),
    FullID: request.containerId,
    Name: request.containerName.replace(/^\//, ''),
    ImageID: shortId(request.imageId),
    ImageFullID: request.imageId,
    ImageName: request.imageName,
    DaemonName: 'docker',
  };
  return template.replace(/\{\{(.*?)\}\}/g, (_, inner: string) => {
    const value = fields[/^-?\s*\.(\w+)\s*-?$/.exec(inner.trim())?.[1] ?? ''];
    if (value === undefined) throw invalidArgument(`template: log-tag: bad action in tag: {{${inner}}}`);
    return value;
  });
}
