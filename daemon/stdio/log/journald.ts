import { statSync } from 'node:fs';
import { internal, notImplemented } from '../../errors/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { ContainerLog, LogEntry, LogRequest } from '../contract.ts';
import { pickAttributes, renderTag } from './attributes.ts';
import { notReadable } from './no-log.ts';
import { DatagramSender } from './unix-datagram.ts';

const socketPath = '/run/systemd/journal/socket';

/** Opens the journald driver: every line an entry with Docker's CONTAINER_* fields. Throws Docker's text where the host has no journal. Reading back is left to journalctl. */
export async function openJournald(request: LogRequest, _log: Logger, path: string = socketPath): Promise<ContainerLog> {
  if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) throw internal('journald is not enabled on this host');
  const tag = renderTag(request, '{{.ID}}');
  const fields: Record<string, string> = {
    CONTAINER_ID: request.containerId.slice(0, 12),
    CONTAINER_ID_FULL: request.containerId,
    CONTAINER_NAME: request.containerName,
    CONTAINER_TAG: tag,
    IMAGE_NAME: request.imageName,
    SYSLOG_IDENTIFIER: tag,
  };
  for (const [name, value] of Object.entries(pickAttributes(request))) fields[fieldName(name)] = value;
  const common = Object.entries(fields).map(([name, value]) => journalField(name, Buffer.from(value)));
  const sender = DatagramSender.acquire(path);
  let isClosed = false;
  const close = async (): Promise<void> => {
    await sender.flush();
    if (!isClosed) sender.release();
    isClosed = true;
  };
  return {
    path: '',
    write({ stream, line, timeNano }: LogEntry) {
      const isWhole = line.at(-1) === 10;
      sender.send(
        Buffer.concat([
          journalField('MESSAGE', isWhole ? line.subarray(0, -1) : line),
          journalField('PRIORITY', Buffer.from(stream === 'stderr' ? '3' : '6')),
          journalField('SYSLOG_TIMESTAMP', Buffer.from(new Date(Number(timeNano / 1_000_000n)).toISOString())),
          ...(isWhole ? [] : [journalField('CONTAINER_PARTIAL_MESSAGE', Buffer.from('true'))]),
          ...common,
        ]),
      );
    },
    read() {
      throw notImplemented(notReadable);
    },
    flush: () => sender.flush(),
    close,
    remove: close,
    pressure: () => sender.pressure(),
  };
}

/** One field in journald's native protocol: `NAME=value`, or with a 64-bit little-endian length where the value has a newline. Exported for tests. */
export function journalField(name: string, value: Buffer): Buffer {
  if (!value.includes(10)) return Buffer.concat([Buffer.from(`${name}=`), value, Buffer.from('\n')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(value.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, value, Buffer.from('\n')]);
}

/** Journal fields are upper case letters, digits and underscores and do not begin with one of the latter. */
function fieldName(name: string): string {
  return name
    .toUpperCase()
    .replace(/[^A-Z0-9_]/g, '_')
    .replace(/^_+/, '');
}
