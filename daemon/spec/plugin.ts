import { register, types } from '../../hookplugins/registry.ts';
import type { HostFacts } from './contract.ts';
import { probeHost } from './host-facts.ts';

/** What this host can do, looked at once. */
register<HostFacts>({ type: types.spec, id: 'host', required: true, initFn: () => probeHost() });
