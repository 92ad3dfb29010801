/*
 * All containers in memory: by id, by name, and who waits for what. Records are saved row by row; a change drops the cached row of the list and moves `version`, by which
 * the list knows that its whole cached answer is old. Names are reserved before a container exists, so two creates cannot both have one.
 */
import { join } from 'node:path';
import type { Ctrd } from '../ctrd/contract.ts';
import { conflict, invalidArgument, notFound } from '../errors/error.ts';
import type { EventBus } from '../events/contract.ts';
import type { ImageService } from '../images/contract.ts';
import { isFullId } from '../lib/id.ts';
import { KeyedMutex } from '../lib/keyed-mutex.ts';
import type { ProcessIo, StdioService } from '../stdio/contract.ts';
import type { Store } from '../store/contract.ts';
import type { Container, ContainerRecord, ContainerTable } from './contract.ts';
import { type Exit, type LiveContainer, liveContainer } from './live.ts';

/** What the table stands on. */
export interface TableDeps {
  readonly root: string;
  readonly state: string;
  readonly store: Store;
  readonly events: EventBus;
  readonly images: Pick<ImageService, 'find'>;
  readonly stdio: StdioService;
  /** For the end of stdin. */
  readonly ctrd?: Pick<Ctrd, 'client'>;
}

/** See ContainerTable for the half that other rooms see. */
export class Table implements ContainerTable {
  readonly #deps: TableDeps;
  readonly #byId = new Map<string, LiveContainer>();
  /** Name -> id, reserved names included. */
  readonly #names = new Map<string, string>();
  readonly #locks = new KeyedMutex();
  readonly #ioLocks = new KeyedMutex();
  /** Moves with every change. */
  version = 0;

  constructor(deps: TableDeps) {
    this.#deps = deps;
  }

  resolve(ref: string): LiveContainer {
    const found = this.find(ref);
    if (found) return found;
    throw notFound(`No such container: ${ref}`);
  }

  find(ref: string): LiveContainer | undefined {
    const exact = this.#byId.get(ref);
    if (exact) return exact;
    const bare = ref.startsWith('/') ? ref.slice(1) : ref;
    const named = this.#names.get(bare);
    if (named) {
      const container = this.#byId.get(named);
      if (container) return container;
    }
    if (!/^[0-9a-f]+$/.test(ref) || isFullId(ref)) return undefined;
    let found: LiveContainer | undefined;
    for (const [id, container] of this.#byId) {
      if (!id.startsWith(ref)) continue;
      if (found) throw invalidArgument(`multiple IDs found with provided prefix: ${ref}`);
      found = container;
    }
    return found;
  }

  all(): LiveContainer[] {
    return [...this.#byId.values()];
  }

  /** True when a container, or one that is being made, has this id. */
  isOwner(id: string): boolean {
    return this.#byId.has(id) || this.#names.values().some((owner) => owner === id);
  }

  /** True when the name is a container's or reserved. */
  isTaken(name: string): boolean {
    return this.#names.has(name);
  }

  /** Takes a name for an id. Throws conflict with Docker's text. */
  reserve(name: string, id: string): void {
    const owner = this.#names.get(name);
    if (owner && owner !== id) {
      throw conflict(
        `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`,
      );
    }
    this.#names.set(name, id);
  }

  /** Gives a name back, if it is that id's. */
  release(name: string, id: string): void {
    if (this.#names.get(name) === id) this.#names.delete(name);
  }

  /** The container's folder under the daemon's root. */
  dirOf(id: string): string {
    return join(this.#deps.root, id);
  }

  /** Brings a record into the table, without saving it. Its name is taken over. */
  add(record: ContainerRecord): LiveContainer {
    const container = liveContainer(record, this.dirOf(record.id), this.#deps.images.find(record.imageId));
    this.#names.set(record.name, record.id);
    this.#byId.set(record.id, container);
    this.version += 1;
    return container;
  }

  /** Takes a container out of memory and store. */
  drop(container: LiveContainer): void {
    this.#deps.store.delete('containers', container.record.id);
    this.#byId.delete(container.record.id);
    this.release(container.record.name, container.record.id);
    this.version += 1;
  }

  save(container: Container): void {
    this.#deps.store.put('containers', container.record.id, container.record);
    this.changed(container);
  }

  /** Drops what is cached of it, for changes that need no saving. */
  changed(container: Container): void {
    this.#live(container).run.row = undefined;
    this.version += 1;
  }

  #live(container: Container): LiveContainer {
    return container as LiveContainer; // every Container comes from this table
  }

  locked<T>(container: Container, work: () => Promise<T>): Promise<T> {
    return this.#locks.run(container.record.id, work);
  }

  event(container: Container, action: string, attributes: Record<string, string> = {}): void {
    const { id, name, config, imageRef } = container.record;
    this.#deps.events.publish({
      type: 'container',
      action,
      id,
      attributes: { ...config.Labels, image: imageRef, name, ...attributes },
    });
  }

  ensureIo(container: Container): Promise<ProcessIo> {
    return this.#ioLocks.run(container.record.id, async () => {
      container.io ??= await this.#openIo(this.#live(container), false);
      return container.io;
    });
  }

  /** After a daemon restart: takes over the streams of a container that runs. */
  async reopenIo(container: LiveContainer): Promise<void> {
    container.io = await this.#openIo(container, true);
  }

  async #openIo(container: LiveContainer, isReopened: boolean): Promise<ProcessIo> {
    container.log ??= await this.openLog(container);
    const { id, config } = container.record;
    const options = {
      dir: join(this.#deps.state, id),
      id,
      tty: config.Tty === true,
      stdin: config.OpenStdin === true,
      stdinOnce: config.StdinOnce === true,
      log: container.log,
      onStdinEnd: () => this.#closeStdin(id),
    };
    return isReopened ? await this.#deps.stdio.reopenProcess(options) : await this.#deps.stdio.openProcess(options);
  }

  /** The shim holds a write end of stdin too; the process sees the end only when it closes that one. */
  #closeStdin(id: string): void {
    this.#deps.ctrd?.client.tasks.closeIO({ containerId: id, stdin: true }).catch(() => undefined); // the process has ended: so has its stdin
  }

  /** Opens the container's log by its log configuration. */
  async openLog(container: LiveContainer) {
    const { record, dir } = container;
    return await this.#deps.stdio.openLog({
      type: record.hostConfig.LogConfig?.Type ?? '',
      config: record.hostConfig.LogConfig?.Config ?? {},
      containerId: record.id,
      containerName: record.name,
      imageId: record.imageId,
      imageName: record.imageRef,
      labels: record.config.Labels ?? {},
      env: record.config.Env ?? [],
      createdAt: record.created,
      dir,
    });
  }

  onExit(container: Container, signal?: AbortSignal): Promise<Exit> {
    return this.#wait(this.#live(container).run.exitWaiters, signal);
  }

  /** Resolves when the container is removed, with its last exit code. */
  onRemoval(container: LiveContainer, signal?: AbortSignal): Promise<Exit> {
    return this.#wait(container.run.removalWaiters, signal);
  }

  #wait(waiters: LiveContainer['run']['exitWaiters'], signal?: AbortSignal): Promise<Exit> {
    const { promise, resolve, reject } = Promise.withResolvers<Exit>();
    const abort = () => {
      waiters.delete(waiter);
      reject(signal?.reason);
    };
    const waiter = {
      resolve(exit: Exit) {
        signal?.removeEventListener('abort', abort);
        resolve(exit);
      },
    };
    waiters.add(waiter);
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
    return promise;
  }
}

/** Tells all who wait. */
export function settle(waiters: LiveContainer['run']['exitWaiters'], exit: Exit): void {
  const all = [...waiters];
  waiters.clear();
  for (const waiter of all) waiter.resolve(exit);
}
