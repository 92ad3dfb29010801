import type { archiveGet, archivePut, archiveStat, exportRoot } from './archive.ts';
import { attach } from './attach.ts';
import { execStartAttached, execStartDetached } from './attach-exec.ts';
import { changes } from './changes.ts';
import type { ContainerProcesses } from './contract.ts';
import { execCreate, execInspect } from './exec.ts';
import { restoreExecs } from './exec-restore.ts';
import { execRun } from './exec-run.ts';
import { ExecTable } from './exec-table.ts';
import { isFramed, logs } from './logs.ts';
import type { ProcessRoom } from './process-room.ts';
import { execResize, resize } from './resize.ts';
import { StatsCollector, stats } from './stats.ts';
import { top } from './top.ts';

/** Drops the first parameter: the verbs are written over a room, the doors get them without it. */
type Bound<F> = F extends (room: ProcessRoom, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result : never;

/** Verbs on a container's processes and files, as the doors (HTTP, CRI) use them. */
export interface Processes extends ContainerProcesses {
  execStartAttached: Bound<typeof execStartAttached>;
  execStartDetached: Bound<typeof execStartDetached>;
  attach: Bound<typeof attach>;
  logs: Bound<typeof logs>;
  isFramed: Bound<typeof isFramed>;
  stats(query: { ref: string; stream: boolean; oneShot?: boolean; signal?: AbortSignal }): AsyncIterable<object>;
  top: Bound<typeof top>;
  changes: Bound<typeof changes>;
  exportRoot: Bound<typeof exportRoot>;
  archiveStat: Bound<typeof archiveStat>;
  archiveGet: Bound<typeof archiveGet>;
  archivePut: Bound<typeof archivePut>;
  /** At the daemon's start, after the containers are back. */
  restore(): Promise<void>;
  close(): void;
}

/** With its tar reader only when somebody copies: it is not needed for the start. */
const loadArchive = () => import('./archive.ts');

/** Builds the verbs over the containers room. */
export function createProcesses(deps: Omit<ProcessRoom, 'execs'>): Processes {
  const execs = new ExecTable(deps.ctrd, deps.log);
  const room: ProcessRoom = { ...deps, execs };
  const collector = new StatsCollector(room);
  const leave = deps.events.listen((event) => {
    if (event.Type === 'container' && event.Action === 'destroy') execs.forgetContainer(event.Actor.ID);
  });
  return {
    execCreate: (ref, config) => execCreate(room, ref, config),
    execInspect: async (id) => execInspect(room, id),
    execResize: (id, height, width) => execResize(room, id, { height, width }),
    resize: (ref, height, width) => resize(room, ref, { height, width }),
    execRun: (container, config, options) => execRun(room, container, { config, ...options }),
    execStartAttached: (id, options) => execStartAttached(room, id, options),
    execStartDetached: (id, options) => execStartDetached(room, id, options),
    attach: (ref, query) => attach(room, ref, query),
    logs: (ref, query) => logs(room, ref, query),
    isFramed: (ref) => isFramed(room, ref),
    stats: (query) => stats(room, collector, query),
    top: (ref, args) => top(room, ref, args),
    changes: (ref) => changes(room, ref),
    exportRoot: async (query, open) => (await loadArchive()).exportRoot(room, query, open),
    archiveStat: async (query) => (await loadArchive()).archiveStat(room, query),
    archiveGet: async (query, open) => (await loadArchive()).archiveGet(room, query, open),
    archivePut: async (query, source) => (await loadArchive()).archivePut(room, query, source),
    restore: () => restoreExecs(room),
    close() {
      leave();
      execs.close();
    },
  };
}
