import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type ContainerView, type PreStartEntry, registerContainerPlugin } from '@pouchd/hookplugins';
import { applyLimits, type LimitOptions } from './limits.ts';

interface Config extends LimitOptions {
  readonly touch: string | null;
  readonly touchProgram: string;
  readonly touchPriority: number;
  readonly entries?: readonly (Omit<PreStartEntry, 'args'> & { readonly args?: readonly string[] })[];
}

const fill = (text: string, container: ContainerView) =>
  text.replaceAll('{id}', container.Id).replaceAll('{name}', container.Name);

registerContainerPlugin<Config>({
  preCreate(config, ctx) {
    const set = applyLimits(config, ctx.config);
    if (set.length > 0) ctx.log.debug('limits from the environment', { image: config.Image, fields: set });
  },

  async preStart(container, { config }) {
    const entries: PreStartEntry[] = (config.entries ?? []).map(({ args = [], ...entry }) => ({
      ...entry,
      args: [entry.path, ...args.map((one) => fill(one, container))],
    }));
    if (config.touch) {
      const file = fill(config.touch, container);
      await mkdir(dirname(file), { recursive: true });
      entries.push({ priority: config.touchPriority, path: config.touchProgram, args: ['touch', file] });
    }
    return entries;
  },

  async postDelete(container, { config }) {
    if (config.touch?.includes('{id}')) await rm(fill(config.touch, container), { force: true });
  },
});
