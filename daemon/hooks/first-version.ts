/*
 * Plugins of Pouch's first version: two exported objects, DaemonPlugin and ContainerPlugin, whose methods have other shapes than today's. Both symbols must be there, as in the original; a method may be
 * missing. Each method becomes the hook of today that stands in its place; a returned Error counts as thrown.
 */
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  type ContainerPlugin,
  type DaemonPlugin,
  registerContainerPlugin,
  registerDaemonPlugin,
} from '../../hookplugins/plugin.ts';
import type { ContainerCreateConfig, HookEndpoint, PreStartEntry } from '../../hookplugins/shapes.ts';
import { invalidArgument } from '../errors/error.ts';

type Method = (...args: unknown[]) => unknown;

const shapes = {
  DaemonPlugin: ['PreStartHook', 'PreStopHook'],
  ContainerPlugin: ['PreCreate', 'PreStart', 'PreCreateEndpoint'],
} as const;

/** Registers what a file of the first version exports. `source` names the file in errors: a symbol that is missing or of the wrong type is told by name. */
export function registerFirstVersion(symbols: Readonly<Record<string, unknown>>, source: string): void {
  const daemon = methodsOf(symbols, 'DaemonPlugin', source);
  const container = methodsOf(symbols, 'ContainerPlugin', source);
  registerDaemonPlugin(daemonHooks(daemon));
  registerContainerPlugin(containerHooks(container));
}

function methodsOf(symbols: Readonly<Record<string, unknown>>, name: keyof typeof shapes, source: string): Map<string, Method> {
  const value = symbols[name];
  if (value === undefined) {
    const other = Object.keys(shapes).filter((one) => symbols[one] === undefined);
    throw invalidArgument(`${source} registers nothing, and the symbol ${other.join(' and the symbol ')} is missing`);
  }
  if (value === null || typeof value !== 'object')
    throw invalidArgument(`${source}: symbol ${name} has the wrong type: ${typeof value}, expected an object`);
  const methods = new Map<string, Method>();
  for (const method of shapes[name]) {
    const found = (value as Record<string, unknown>)[method]; // an object, looked into by name
    if (found === undefined) continue;
    if (typeof found !== 'function')
      throw invalidArgument(`${source}: symbol ${name}.${method} has the wrong type: ${typeof found}, expected a function`);
    methods.set(method, (...args) => unlessError(found.apply(value, args)));
  }
  if (methods.size === 0)
    throw invalidArgument(`${source}: symbol ${name} has the wrong type: none of ${shapes[name].join(', ')}`);
  return methods;
}

async function unlessError(result: unknown): Promise<unknown> {
  const value = await result;
  if (value instanceof Error) throw value; // the first version returned its errors
  return value;
}

function daemonHooks(methods: ReadonlyMap<string, Method>): DaemonPlugin {
  const [start, stop] = [methods.get('PreStartHook'), methods.get('PreStopHook')];
  return {
    ...(start && { preStartHook: async () => void (await start()) }),
    ...(stop && { preStopHook: async () => void (await stop()) }),
  };
}

function containerHooks(methods: ReadonlyMap<string, Method>): ContainerPlugin {
  const [create, start, endpoint] = [methods.get('PreCreate'), methods.get('PreStart'), methods.get('PreCreateEndpoint')];
  return {
    ...(create && {
      preCreate: async (config) => replace(config, await create(Readable.from([Buffer.from(JSON.stringify(config))]))),
    }),
    ...(start && { preStart: async (container) => entriesOf(await start(container)) }),
    ...(endpoint && { preCreateEndpoint: async (id, env, target) => setEndpoint(target, await endpoint(id, [...env])) }),
  };
}

/** The body as the plugin's stream has it, in the place of the request; the stream may be any that can be read to its end. */
async function replace(config: ContainerCreateConfig, stream: unknown): Promise<void> {
  if (stream === undefined || stream === null) return;
  if (typeof stream !== 'object' || !(Symbol.asyncIterator in stream)) throw invalidArgument('PreCreate returned no stream');
  const body: unknown = JSON.parse(await text(stream as AsyncIterable<Uint8Array>)); // of the shape just seen
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    throw invalidArgument('PreCreate returned a body that is no JSON object');
  for (const key of Object.keys(config)) Reflect.deleteProperty(config, key);
  Object.assign(config, body);
}

/** `[[priority, …], [[path, argv0, arg, …], …]]`, the two arrays side by side. */
function entriesOf(result: unknown): PreStartEntry[] {
  if (result === undefined || result === null) return [];
  const [priorities, programs] = Array.isArray(result) ? (result as unknown[]) : [];
  if (!Array.isArray(priorities) || !Array.isArray(programs))
    throw invalidArgument('PreStart returned no pair of arrays [[priority, …], [[path, argv0, arg, …], …]]');
  if (priorities.length !== programs.length)
    throw invalidArgument(`PreStart returned ${priorities.length} priorities for ${programs.length} programs`);
  return programs.map((program: unknown, index) => {
    if (!Array.isArray(program) || program.length < 2)
      throw invalidArgument(`PreStart returned a program without path and argv0: ${JSON.stringify(program)}`);
    const [path, ...args] = program as string[]; // the caller checks every member
    return { priority: priorities[index] as number, path: path as string, args };
  });
}

function setEndpoint(endpoint: HookEndpoint, result: unknown): void {
  if (result === undefined || result === null) return;
  const { priority, disableResolver, genericParam } = result as Partial<Record<string, unknown>>; // each is checked
  if (typeof priority === 'number') endpoint.priority = priority;
  if (typeof disableResolver === 'boolean') endpoint.disableResolver = disableResolver;
  if (genericParam !== null && typeof genericParam === 'object') Object.assign(endpoint.genericParams, genericParam);
}
