/* The `--change` instructions of commit and import: the lines of a Dockerfile that only touch an image's configuration. */
import { invalidArgument } from '../errors/error.ts';
import { parseDuration } from '../lib/time.ts';
import type { ContainerConfig } from '../types/docker/container.ts';

type Apply = (config: ContainerConfig, rest: string) => void;

const appliers: Record<string, Apply> = {
  CMD: (config, rest) => {
    config.Cmd = command(rest);
  },
  ENTRYPOINT: (config, rest) => {
    config.Entrypoint = command(rest);
  },
  ENV: (config, rest) => {
    for (const [key, value] of pairs(rest, 'ENV', { legacy: true })) config.Env = withEnv(config.Env ?? [], key, value);
  },
  EXPOSE: (config, rest) => {
    for (const port of words(rest, 'EXPOSE')) config.ExposedPorts = { ...config.ExposedPorts, ...exposed(port) };
  },
  LABEL: (config, rest) => {
    config.Labels = { ...config.Labels, ...Object.fromEntries(pairs(rest, 'LABEL', { legacy: true })) };
  },
  ONBUILD: (config, rest) => {
    const instruction = /^\w+/.exec(rest)?.[0]?.toUpperCase() ?? '';
    if (!instruction) throw invalidArgument('ONBUILD requires at least one argument');
    if (instruction === 'ONBUILD') throw invalidArgument("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (instruction === 'FROM' || instruction === 'MAINTAINER')
      throw invalidArgument(`${instruction} isn't allowed as an ONBUILD trigger`);
    config.OnBuild = [...(config.OnBuild ?? []), rest];
  },
  USER: (config, rest) => {
    config.User = one(rest, 'USER');
  },
  VOLUME: (config, rest) => {
    for (const path of jsonList(rest) ?? words(rest, 'VOLUME')) config.Volumes = { ...config.Volumes, [path]: {} };
  },
  WORKDIR: (config, rest) => {
    const path = one(rest, 'WORKDIR');
    config.WorkingDir = path.startsWith('/') ? path : `${(config.WorkingDir || '/').replace(/\/$/, '')}/${path}`;
  },
  STOPSIGNAL: (config, rest) => {
    config.StopSignal = one(rest, 'STOPSIGNAL');
  },
  HEALTHCHECK: healthcheck,
};

/** Applies instructions to a copy of a configuration. Throws invalidArgument with Docker's texts (`run is not a valid change command`, …). */
export function applyChanges(base: ContainerConfig, changes: readonly string[]): ContainerConfig {
  const config: ContainerConfig = structuredClone(base);
  for (const line of changes.flatMap((change) => change.split('\n'))) {
    const match = /^\s*([A-Za-z]+)(?:\s+([\s\S]*?))?\s*$/.exec(line);
    if (!match) {
      if (line.trim() === '' || line.trim().startsWith('#')) continue;
      throw invalidArgument(`unknown instruction: ${line.trim().split(/\s/)[0]}`);
    }
    const instruction = match[1]!.toUpperCase();
    const apply = appliers[instruction];
    if (!apply) throw invalidArgument(`${instruction.toLowerCase()} is not a valid change command`);
    apply(config, match[2] ?? '');
  }
  return config;
}

function jsonList(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((part) => typeof part === 'string') ? value : undefined;
  } catch {
    return undefined; // `[` may also begin a shell command
  }
}

function command(text: string): string[] | null {
  const list = jsonList(text);
  if (list) return list;
  return text === '' ? null : ['/bin/sh', '-c', text];
}

function one(text: string, instruction: string): string {
  const list = words(text, instruction);
  if (list.length !== 1) throw invalidArgument(`${instruction} requires exactly one argument`);
  return list[0]!;
}

/** Splits as a shell would: quotes group, a backslash quotes one character. */
function words(text: string, instruction: string): string[] {
  const found = [...text.matchAll(/(?:[^\s"'\\]|\\[\s\S]|"(?:[^"\\]|\\[\s\S])*"|'[^']*')+/g)].map(([word]) => unquote(word));
  if (found.length === 0) throw invalidArgument(`${instruction} requires at least one argument`);
  return found;
}

function unquote(word: string): string {
  return word.replace(/"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|\\([\s\S])/g, (_, double, single, escaped) => {
    if (double !== undefined) return String(double).replace(/\\(["\\$`])/g, '$1');
    return String(single ?? escaped);
  });
}

function pairs(text: string, instruction: string, { legacy }: { legacy: boolean }): [string, string][] {
  const first = /^(\S+)\s+([\s\S]*)$/.exec(text);
  if (legacy && first && !first[1]!.includes('=')) return [[unquote(first[1]!), unquote(first[2]!)]]; // `ENV key some words`
  return words(text, instruction).map((word) => {
    const at = word.indexOf('=');
    if (at < 0) throw invalidArgument(`Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`);
    if (at === 0) throw invalidArgument(`${instruction} names can not be blank`);
    return [word.slice(0, at), word.slice(at + 1)];
  });
}

function withEnv(env: readonly string[], key: string, value: string): string[] {
  const at = env.findIndex((one) => one.startsWith(`${key}=`));
  return at < 0 ? [...env, `${key}=${value}`] : env.with(at, `${key}=${value}`);
}

function exposed(text: string): Record<string, object> {
  const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const from = Number(match?.[1]);
  const to = Number(match?.[2] ?? match?.[1]);
  if (!match || from > to || to > 65535 || from === 0) throw invalidArgument(`Invalid containerPort: ${text}`);
  const ports: Record<string, object> = {};
  for (let port = from; port <= to; port++) ports[`${port}/${(match[3] ?? 'tcp').toLowerCase()}`] = {};
  return ports;
}

function healthcheck(config: ContainerConfig, rest: string): void {
  if (/^NONE\s*$/i.test(rest)) {
    config.Healthcheck = { Test: ['NONE'] };
    return;
  }
  const match = /^((?:--[\w-]+=\S+\s+)*)CMD\s+([\s\S]+)$/i.exec(rest);
  if (!match) throw invalidArgument(`Unknown type ${JSON.stringify(rest.split(/\s/)[0] ?? '')} in HEALTHCHECK (try CMD)`);
  const list = jsonList(match[2]!);
  const health: NonNullable<ContainerConfig['Healthcheck']> = { Test: list ? ['CMD', ...list] : ['CMD-SHELL', match[2]!] };
  const durations = {
    interval: 'Interval',
    timeout: 'Timeout',
    'start-period': 'StartPeriod',
    'start-interval': 'StartInterval',
  } as const;
  for (const [, name = '', value = ''] of match[1]!.matchAll(/--([\w-]+)=(\S+)/g)) {
    if (name === 'retries') health.Retries = Number(value);
    else if (name in durations)
      health[durations[name as keyof typeof durations]] = parseDuration(value) ?? 0; // narrowed by `in`
    else throw invalidArgument(`Unknown flag: ${name}`);
  }
  config.Healthcheck = health;
}
