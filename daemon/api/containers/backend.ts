import type { Readable } from 'node:stream';
import type { ContainerLifecycle, ListOptions } from '../../containers/contract.ts';

/** What the container routes stand on; the containers room fits. */
export interface ContainersBackend {
  readonly lifecycle: ContainerLifecycle;
  /** The list's bytes, sent as they are. */
  listBody(options: ListOptions): Promise<Buffer>;
  /** The same of one container. */
  inspectBody(ref: string, options: { size: boolean; apiVersion: string }): Promise<Buffer>;
  /** Runs `container.preUpdate` over the raw body of an update; without plugins gives the same stream. */
  preUpdate(body: Readable): Promise<Readable>;
}
