/*
 * What the image endpoints do beyond calling the images room: names out of query values, commit of a container (which pauses it), and the verbs that are loaded
 * only when first used.
 */
import type { Containers } from '../../containers/contract.ts';
import { invalidArgument } from '../../errors/error.ts';
import type { Builder, BuildRequest } from '../../images/build/contract.ts';
import { applyChanges } from '../../images/changes.ts';
import type { Images } from '../../images/service.ts';
import type { Filters } from '../../lib/filters.ts';
import type { ContainerConfig } from '../../types/docker/container.ts';
import type { AuthConfig, ProgressMessage } from '../../types/docker/image.ts';
import { mergeConfig } from './merge-config.ts';

type Progress = (message: ProgressMessage) => void;

/** What commit needs of the containers room. */
export type CommitContainers = {
  readonly table: Pick<Containers['table'], 'resolve' | 'event'>;
  readonly lifecycle: Pick<Containers['lifecycle'], 'pause' | 'unpause'>;
};

/** What `POST /commit` asks for. */
export interface CommitQuery {
  readonly container: string;
  readonly repo?: string;
  readonly tag?: string;
  readonly comment?: string;
  readonly author?: string;
  readonly pause: boolean;
  readonly changes: readonly string[];
  readonly body: ContainerConfig | undefined;
  readonly signal?: AbortSignal;
}

/** Repository and tag or digest of a query as one name. */
export function joinName(repo: string, tag: string | undefined): string {
  if (!tag) return repo;
  return `${repo}${tag.startsWith('sha256:') ? '@' : ':'}${tag}`;
}

/** See above; one for the daemon. */
export class ImagesBackend {
  readonly images: Images;
  readonly #builder: Builder;
  readonly #containers: () => CommitContainers;

  constructor(images: Images, builder: Builder, containers: () => CommitContainers) {
    this.images = images;
    this.#builder = builder;
    this.#containers = containers;
  }

  async history(ref: string) {
    const { historyOf } = await import('../../images/inspect.ts');
    return await historyOf(this.images.room, this.images.room.index.resolve(ref));
  }

  async save(refs: readonly string[], signal: AbortSignal) {
    const { saveImages } = await import('../../images/save.ts');
    return await saveImages(this.images.room, refs, signal);
  }

  async load(
    input: AsyncIterable<Uint8Array>,
    progress: Progress,
    options: { quiet: boolean; platform?: string; signal: AbortSignal },
  ) {
    const { loadArchive } = await import('../../images/load.ts');
    await loadArchive(this.images.room, input, progress, options);
  }

  /** `source` is `-` for the request's body, or a URL that the daemon fetches. */
  async import(body: AsyncIterable<Uint8Array>, options: ImportQuery): Promise<string> {
    const { importImage } = await import('../../images/import.ts');
    const { fetchSource } = await import('../../images/fetch-source.ts');
    const input = options.source === '-' ? body : await fetchSource(options.source, options.signal);
    return (await importImage(this.images.room, input, options)).id;
  }

  async push(request: { repo: string; tag?: string; auth?: AuthConfig; signal: AbortSignal }, progress: Progress) {
    const { pushImage } = await import('../../images/push.ts');
    await pushImage(this.images.room, request, progress);
  }

  async prune(filters: Filters) {
    const { pruneImages } = await import('../../images/prune.ts');
    return await pruneImages(this.images.room, filters);
  }

  async search(term: string, options: { auth?: AuthConfig; limit?: number; filters: Filters; signal: AbortSignal }) {
    const { searchRegistry } = await import('../../images/distribution.ts');
    return await searchRegistry(this.images.room.config, term, options);
  }

  async distribution(ref: string, options: { auth?: AuthConfig; signal: AbortSignal }) {
    const { inspectDistribution } = await import('../../images/distribution.ts');
    return await inspectDistribution(this.images.room.config, ref, options);
  }

  /** An image of a container's present state; a running one is paused meanwhile. */
  async commit(query: CommitQuery): Promise<{ Id: string }> {
    const { table, lifecycle } = this.#containers();
    const container = table.resolve(query.container);
    const { record } = container;
    const asked = query.body ? mergeConfig(query.body, record.config) : record.config;
    const config = applyChanges(asked, query.changes);
    const ref = query.repo ? joinName(query.repo, query.tag) : undefined;
    if (ref?.includes('@')) throw invalidArgument('cannot import digest reference');
    const parent = container.image ?? this.images.resolve(record.imageId);
    const isPaused = query.pause && record.state.Running && !record.state.Paused;
    if (isPaused) await lifecycle.pause(record.id);
    try {
      const image = await this.images.commit({
        key: record.id,
        snapshotter: record.snapshotter,
        parent,
        ref,
        author: query.author,
        comment: query.comment,
        config,
        containerConfig: record.config,
        createdBy: (record.config.Cmd ?? []).join(' '),
        containerId: record.id,
        signal: query.signal,
      });
      table.event(container, 'commit', { comment: query.comment ?? '', imageID: image.id, ...(ref ? { imageRef: ref } : {}) });
      return { Id: image.id };
    } finally {
      if (isPaused) await lifecycle.unpause(record.id);
    }
  }

  async build(request: BuildRequest, progress: Progress): Promise<void> {
    await this.#builder.build(request, progress);
  }

  async pruneBuildCache(): Promise<{ CachesDeleted: string[] | null; SpaceReclaimed: number }> {
    const { CachesDeleted, SpaceReclaimed } = await this.#builder.prune();
    const attributes = { reclaimed: String(SpaceReclaimed) };
    this.images.room.events.publish({ type: 'builder', action: 'prune', id: '', attributes });
    return { CachesDeleted: CachesDeleted.length > 0 ? CachesDeleted : null, SpaceReclaimed }; // Go's nil slice
  }
}

/** What an import is told by its query. */
export interface ImportQuery {
  readonly source: string;
  readonly ref?: string;
  readonly message?: string;
  readonly changes: readonly string[];
  readonly platform?: string;
  readonly signal: AbortSignal;
}
