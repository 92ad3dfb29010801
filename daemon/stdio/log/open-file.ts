import { join } from 'node:path';
import { invalidArgument } from '../../errors/error.ts';
import type { Logger } from '../../lib/log.ts';
import type { ContainerLog, LogRequest } from '../contract.ts';
import { pickAttributes, renderTag } from './attributes.ts';
import { FileLog } from './file-log.ts';
import { jsonCodec } from './json-codec.ts';
import { localCodec } from './local-codec.ts';
import type { RotationOptions } from './rotating-file.ts';
import { parseSize } from './size.ts';

/** Docker's default driver: `<dir>/<id>-json.log`, unlimited unless `max-size` says otherwise. */
export function openJsonFile(request: LogRequest, log: Logger): ContainerLog {
  const attrs = pickAttributes(request);
  if (request.config['tag']) attrs['tag'] = renderTag(request, '');
  const path = join(request.dir, `${request.containerId}-json.log`);
  return new FileLog(jsonCodec(attrs), rotationOf(request, log, { path, maxFiles: 1, compress: false }), path);
}

/** `<dir>/local-logs/container.log`: 20 MB times five, compressed, unless told otherwise. */
export function openLocal(request: LogRequest, log: Logger): ContainerLog {
  const path = join(request.dir, 'local-logs', 'container.log');
  return new FileLog(localCodec, rotationOf(request, log, { path, maxBytes: 20_000_000, maxFiles: 5, compress: true }), '');
}

function rotationOf(request: LogRequest, log: Logger, defaults: Omit<RotationOptions, 'onError'>): RotationOptions {
  const { 'max-size': maxSize, 'max-file': maxFile, compress } = request.config;
  let warned = 0;
  const rotation: RotationOptions = {
    ...defaults,
    onError: (error) => {
      if (Date.now() - warned < 60_000) return; // a full disk fails every write
      warned = Date.now();
      log.warn('container log lost entries', { id: request.containerId, error });
    },
  };
  if (maxSize !== undefined && maxSize !== '-1') {
    const bytes = parseSize(maxSize);
    if (bytes === undefined) throw invalidArgument(`invalid size: '${maxSize}'`);
    if (bytes <= 0) throw invalidArgument('max-size must be a positive number');
    rotation.maxBytes = bytes;
  }
  if (maxFile !== undefined) {
    if (!/^[+-]?\d+$/.test(maxFile)) throw invalidArgument(`strconv.Atoi: parsing ${JSON.stringify(maxFile)}: invalid syntax`);
    if (Number(maxFile) < 1) throw invalidArgument('max-file cannot be less than 1');
    rotation.maxFiles = Number(maxFile);
  }
  if (compress !== undefined) {
    if (!/^(1|t|true|0|f|false)$/i.test(compress)) {
      throw invalidArgument(`strconv.ParseBool: parsing ${JSON.stringify(compress)}: invalid syntax`);
    }
    rotation.compress = /^(1|t|true)$/i.test(compress);
    if (rotation.compress && (rotation.maxFiles < 2 || rotation.maxBytes === undefined)) {
      throw invalidArgument('compress cannot be true when max-file is less than 2 or max-size is not set');
    }
  } else if (rotation.maxFiles < 2) {
    rotation.compress = false;
  }
  return rotation;
}
