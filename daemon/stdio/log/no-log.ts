import { notImplemented } from '../../errors/error.ts';
import type { ContainerLog } from '../contract.ts';

/** What reading throws where a driver keeps nothing to read: Docker's text. */
export const notReadable = 'configured logging driver does not support reading';

/** The driver `none`: everything is dropped. */
export const noLog: ContainerLog = {
  path: '',
  write() {},
  read() {
    throw notImplemented(notReadable);
  },
  async flush() {},
  async close() {},
  async remove() {},
};
