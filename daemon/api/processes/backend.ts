import type { Processes } from '../../containers/processes.ts';

/** What the endpoints on processes and files of containers stand on: the containers room's verbs. */
export type ProcessesBackend = Omit<Processes, 'execRun' | 'close'>;
