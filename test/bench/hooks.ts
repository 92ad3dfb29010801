import { createHooks } from '../../daemon/hooks/caller.ts';
import { type HookPlugin, hookPluginOf } from '../../daemon/hooks/subscribers.ts';
import { silentLogger } from '../../daemon/lib/log.ts';
import { hookType } from '../../hookplugins/registry.ts';
import { median } from './measure.ts';
import type { Report } from './report.ts';

/** What a call of a hook point costs in process: without plugins, and with ten that do nothing. */
export async function benchHooks(report: Report): Promise<void> {
  const empty = await createHooks({ plugins: [], log: silentLogger });
  const ten = await createHooks({ plugins: Array.from({ length: 10 }, (_, index) => noop(`p${index}`)), log: silentLogger });
  const tenAsync = await createHooks({
    plugins: Array.from({ length: 10 }, (_, index) => noop(`p${index}`, true)),
    log: silentLogger,
  });
  const config = {};
  report.add(
    'hook point without plugins',
    'ns',
    { most: 100 },
    (await perCall(200_000, () => empty.run('container.preCreate', config))) * 1e6,
  );
  report.add(
    'hook point with ten plugins',
    'us',
    { most: 10 },
    (await perCall(20_000, () => ten.run('container.preCreate', config))) * 1e3,
  );
  report.add(
    'hook point with ten async plugins',
    'us',
    { most: 10 },
    (await perCall(20_000, () => tenAsync.run('container.preCreate', config))) * 1e3,
  );
}

function noop(id: string, isAsync = false): HookPlugin {
  const owner = { name: id, version: '1.0.0' };
  const plugin = hookPluginOf(
    { type: hookType('container'), id, package: owner },
    isAsync ? { id, async preCreate() {} } : { id, preCreate() {} },
  );
  if (!plugin) throw new Error('the type of container plugins is not known');
  return plugin;
}

/** Median milliseconds of one call over nine batches; CPU time of this thread, so that what else runs on the machine does not count. */
async function perCall(times: number, call: () => Promise<void>): Promise<number> {
  const batches: number[] = [];
  for (let batch = 0; batch < 9; batch++) {
    const started = process.threadCpuUsage();
    for (let index = 0; index < times; index++) await call();
    const { user, system } = process.threadCpuUsage(started);
    batches.push((user + system) / 1000 / times);
  }
  return median(batches);
}
