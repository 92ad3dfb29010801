import { join } from 'node:path';
import { register, types } from '../../hookplugins/registry.ts';
import type { Ctrd } from '../ctrd/contract.ts';
import type { EventBus } from '../events/contract.ts';
import type { Hooks } from '../hooks/contract.ts';
import type { ImageService } from '../images/contract.ts';
import type { Logger } from '../lib/log.ts';
import type { HostFacts } from '../spec/contract.ts';
import type { StdioService } from '../stdio/contract.ts';
import type { VolumeService } from '../volumes/contract.ts';
import type { ContainersRoom } from './lifecycle.ts';
import { createProcesses, type Processes } from './processes.ts';

/** Exec, attach, logs, statistics and files of containers; healthchecks run through it from here on. */
register<Processes>({
  type: types.service,
  id: 'processes',
  requires: [
    types.log,
    types.ctrd,
    types.event,
    types.hooks,
    types.image,
    types.volume,
    types.stdio,
    types.spec,
    types.container,
  ],
  required: true,
  initFn(ctx) {
    const containers = ctx.getSingle<ContainersRoom>(types.container);
    const log = ctx.getSingle<Logger>(types.log).withTag('processes');
    const processes = createProcesses({
      state: join(ctx.base.state, 'containers'),
      table: containers.table,
      ctrd: ctx.getSingle<Ctrd>(types.ctrd),
      images: ctx.getSingle<ImageService>(types.image),
      volumes: ctx.getSingle<VolumeService>(types.volume),
      stdio: ctx.getSingle<StdioService>(types.stdio),
      hooks: ctx.getSingle<Hooks>(types.hooks),
      events: ctx.getSingle<EventBus>(types.event),
      log,
      host: ctx.getSingle<HostFacts>(types.spec),
    });
    containers.useProcesses(processes);
    // Not waited for: the start is not to depend on how many there were.
    processes.restore().catch((error: unknown) => log.warn('execs of the former daemon were not looked at', { error }));
    return processes;
  },
});
