import type { HookCall, HookPluginState, HookStats } from '../hooks/contract.ts';
import { shortId } from '../lib/id.ts';
import { engineVersion } from '../lib/version.ts';
import type { ContainerSummary } from '../types/docker/container.ts';
import type { ApiClient } from './client.ts';
import { table } from './table.ts';

/** What a command works with. */
export interface CommandContext {
  readonly api: ApiClient;
  /** Print JSON instead of a table. */
  readonly json: boolean;
  readonly args: readonly string[];
  print(text: string): void;
}

/** One command of the client. */
export interface Command {
  readonly usage: string;
  readonly help: string;
  run(context: CommandContext): Promise<void>;
}

interface HooksAnswer {
  plugins: HookPluginState[];
  stats: HookStats[];
}

/** The commands by name: what Docker's client has not, and a few that are handy without it. */
export const commands: Readonly<Record<string, Command>> = {
  version: { usage: 'version', help: 'versions of client and daemon', run: version },
  info: { usage: 'info', help: 'what the daemon tells about itself', run: info },
  ps: { usage: 'ps [-a]', help: 'containers', run: ps },
  plugins: {
    usage: 'plugins [ls|stats|trace]',
    help: 'hook plugins of the running daemon: what they are, how often they were called, calls as they happen',
    run: plugins,
  },
};

async function version({ api, json, print }: CommandContext): Promise<void> {
  const server = await api.get<{ Version: string; ApiVersion: string; MinAPIVersion: string }>('/version');
  if (json) print(toJson({ client: engineVersion, server }));
  else
    print(
      table([
        ['client', engineVersion],
        ['server', server.Version],
        ['api', `${server.ApiVersion} (minimum ${server.MinAPIVersion})`],
      ]),
    );
}

async function info({ api, json, print }: CommandContext): Promise<void> {
  const answer = await api.get<Record<string, unknown>>('/info');
  if (json) print(toJson(answer));
  else
    print(table(Object.entries(answer).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)])));
}

async function ps({ api, json, args, print }: CommandContext): Promise<void> {
  const all = args.includes('-a') || args.includes('--all') ? '?all=1' : '';
  const rows = await api.get<ContainerSummary[]>(`/containers/json${all}`);
  if (json) print(toJson(rows));
  else
    print(
      table([
        ['CONTAINER ID', 'IMAGE', 'STATUS', 'NAMES'],
        ...rows.map((one) => [shortId(one.Id), one.Image, one.Status, one.Names.map((name) => name.slice(1)).join(',')]),
      ]),
    );
}

async function plugins(context: CommandContext): Promise<void> {
  const { api, json, args, print } = context;
  const [what = 'ls'] = args;
  if (what === 'trace') {
    await trace(context);
    return;
  }
  const answer = await api.get<HooksAnswer>('/plugins/hooks');
  if (what === 'stats') print(json ? toJson(answer.stats) : statsTable(answer.stats));
  else print(json ? toJson(answer.plugins) : pluginsTable(answer.plugins));
}

async function trace({ api, json, print }: CommandContext): Promise<void> {
  let rest = '';
  for await (const chunk of await api.stream('/plugins/hooks/trace')) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) print(json ? `${line}\n` : traceLine(JSON.parse(line) as HookCall)); // what the endpoint writes
  }
}

function traceLine(call: HookCall): string {
  const lost = call.dropped ? ` (${call.dropped} calls not shown)` : '';
  return `${new Date(call.time).toISOString()} ${call.point} ${call.id} ${call.outcome} ${call.durationMs.toFixed(2)} ms${call.error ? ` ${call.error}` : ''}${lost}\n`;
}

function statsTable(stats: readonly HookStats[]): string {
  const rows = stats.map((one) => [
    one.point,
    one.id,
    String(one.calls),
    String(one.failures),
    String(one.timeouts),
    `${one.p50Ms.toFixed(2)} ms`,
    `${one.p99Ms.toFixed(2)} ms`,
  ]);
  return table([['POINT', 'PLUGIN', 'CALLS', 'FAILURES', 'TIMEOUTS', 'P50', 'P99'], ...rows]);
}

function pluginsTable(plugins: readonly HookPluginState[]): string {
  const rows = plugins.map((one) => [
    one.id,
    one.kind,
    one.version ? `${one.package}@${one.version}` : one.package,
    one.enabled ? 'yes' : 'no',
    one.error ?? one.points.join(' '),
  ]);
  return table([['PLUGIN', 'KIND', 'PACKAGE', 'ENABLED', 'POINTS'], ...rows]);
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
