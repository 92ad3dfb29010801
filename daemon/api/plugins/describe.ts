import type { HookPluginState } from '../../hooks/contract.ts';

/** A plugin as Docker's `GET /plugins` tells it, as far as a compiled-in one has these things. */
export interface PluginDescription {
  Id: string;
  Name: string;
  Enabled: boolean;
  PluginReference: string;
  Settings: { Mounts: never[]; Env: never[]; Args: never[]; Devices: never[] };
  Config: { Description: string; Interface: { Socket: string; Types: string[] } } & Record<string, unknown>;
}

/** One row per plugin package: its hook plugins together. */
export function describePlugins(states: readonly HookPluginState[]): PluginDescription[] {
  return [...Map.groupBy(states, (one) => one.package)].map(([name, all]) => {
    const version = all[0]?.version ?? '';
    const kinds = [...new Set(all.map((one) => one.kind))];
    const errors = all.flatMap((one) => (one.error ? [`${one.id}: ${one.error}`] : []));
    return {
      Id: version ? `${name}@${version}` : name,
      Name: name,
      Enabled: all.some((one) => one.enabled),
      PluginReference: version ? `${name}:${version}` : name,
      Settings: { Mounts: [], Env: [], Args: [], Devices: [] },
      Config: {
        Description: `compiled in: ${kinds.join(', ')} hooks${errors.length > 0 ? ` (${errors.join('; ')})` : ''}`,
        Documentation: '',
        Interface: { Socket: '', Types: kinds.map((kind) => `pouchd.${kind}hook/1.0`) },
        Entrypoint: [],
        WorkDir: '',
        Network: { Type: '' },
        Linux: { Capabilities: [], AllowAllDevices: false, Devices: [] },
        PropagatedMount: '',
        IpcHost: false,
        PidHost: false,
        Mounts: [],
        Env: [],
        Args: { Name: '', Description: '', Settable: null, Value: [] },
      },
    };
  });
}
