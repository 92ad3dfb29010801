import { conflict, notFound } from '../daemon/errors/error.ts';
import type { InitialisedPlugin, PluginLookup } from './context.ts';

/** The look-ups over a growing list of initialised registrations; the casts to `T` are what `PluginLookup` says. */
export function createLookup(plugins: readonly InitialisedPlugin[]): PluginLookup {
  const instanceOf = <T>(one: InitialisedPlugin): T => {
    if (one.error) throw one.error;
    return one.instance as T;
  };
  return {
    get: <T>(type: string) => plugins.find((one) => one.type === type && one.status === 'ok')?.instance as T | undefined,
    getAll: () => [...plugins],
    getById<T>(type: string, id: string): T {
      const found = plugins.find((one) => one.type === type && one.id === id);
      if (!found) throw notFound(`no plugin ${type}.${id}`);
      return instanceOf<T>(found);
    },
    getByType<T>(type: string): Map<string, T> {
      const found = plugins.filter((one) => one.type === type && one.status !== 'skip');
      if (found.length === 0) throw notFound(`no plugin of type ${type}`);
      return new Map(found.map((one) => [one.id, instanceOf<T>(one)]));
    },
    getSingle<T>(type: string): T {
      const [first, ...more] = plugins.filter((one) => one.type === type && one.status !== 'skip');
      if (!first) throw notFound(`no plugin of type ${type}`);
      const value = instanceOf<T>(first);
      if (more.length > 0) throw conflict(`several plugins of type ${type}: ${[first, ...more].map((one) => one.id).join(', ')}`);
      return value;
    },
  };
}
