/*
 * Two registrations: an image plugin, whose postPull does the work, and one of the general door, which comes after the images room in the graph and keeps hold of it. The images room unpacks an image into a
 * snapshotter when a root is prepared there and keeps the layers as long as the image; so a root is prepared and removed again.
 */
import { randomUUID } from 'node:crypto';
import { PluginError, register, registerImagePlugin, types } from '@pouchd/hookplugins';

interface Config {
  readonly snapshotters?: readonly string[];
  readonly images?: readonly string[];
}

/** What is used of the images room. */
interface Images {
  resolve(ref: string): unknown;
  prepareRootfs(key: string, image: unknown, options: { snapshotter: string; signal: AbortSignal }): Promise<void>;
  removeRootfs(key: string, snapshotter: string): Promise<void>;
}

let images: Images | undefined;

register({
  type: types.internal,
  id: 'multisnapshotter',
  requires: [types.image],
  initFn(ctx) {
    images = ctx.getSingle<Images>(types.image);
    return {};
  },
});

registerImagePlugin<Config>({
  async postPull(snapshotter, image, { config, log, signal }) {
    const { snapshotters = [], images: only } = config;
    if (only && !only.some((start) => image.name.startsWith(start))) return;
    const room = images;
    if (!room) throw new PluginError('unavailable', 'the images room is not up');
    for (const other of snapshotters.filter((one) => one !== snapshotter)) {
      const key = `multisnapshotter-${randomUUID()}`;
      try {
        await room.prepareRootfs(key, room.resolve(image.id ?? image.name), { snapshotter: other, signal });
      } catch (error) {
        throw new PluginError('internal', `${image.name} cannot be unpacked into ${other}: ${(error as Error).message}`, {
          cause: error,
        });
      } finally {
        await room.removeRootfs(key, other).catch(() => undefined); // it may never have been made
      }
      log.info('image unpacked', { image: image.name, snapshotter: other });
    }
  },
});
