import { join } from 'node:path';
import { register, types } from '../../../hookplugins/registry.ts';
import type { Containers } from '../../containers/contract.ts';
import { notImplemented } from '../../errors/error.ts';
import type { Builder } from '../../images/build/contract.ts';
import type { Images } from '../../images/service.ts';
import { unmountBelow } from '../../lib/mount.ts';
import { ImagesBackend } from './backend.ts';
import { imageRoutes } from './routes.ts';

register({
  type: types.apiRoutes,
  id: 'images',
  requires: [types.image, types.container],
  async initFn(ctx) {
    const images = ctx.getSingle<Images>(types.image);
    const dir = join(ctx.base.root, 'builder');
    await unmountBelow(dir); // of a build that died with the last daemon
    const containers = ctx.get<Containers>(types.container);
    const backend = new ImagesBackend(images, lazyBuilder(images, dir), () => {
      if (!containers) throw notImplemented('this daemon runs no containers that could be committed');
      return containers;
    });
    return imageRoutes(backend);
  },
});

/** Few daemons build, so the builder is loaded with the first build. */
function lazyBuilder(images: Images, dir: string): Builder {
  let builder: Promise<Builder> | undefined;
  const load = () => {
    builder ??= import('../../images/build/builder.ts').then(({ createBuilder }) => createBuilder(images.room, dir));
    return builder;
  };
  return {
    build: async (request, progress) => (await load()).build(request, progress),
    prune: async () => (await load()).prune(),
  };
}
