import { posix } from 'node:path';
import { invalidArgument } from '../errors/error.ts';

/** A mount asked for with `-v`, read. */
export interface VolumeSpec {
  /** Absolute host path, a volume's name, or '' for an anonymous volume. */
  source: string;
  destination: string;
  isBind: boolean;
  readOnly: boolean;
  noCopy: boolean;
  propagation: string;
  /** As given; what inspect shows. */
  mode: string;
}

const propagations = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];
const consistencies = ['consistent', 'cached', 'delegated', 'default'];
const volumeName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** Reads `[SOURCE:]DESTINATION[:MODE]`. Throws invalidArgument with Docker's texts. */
export function parseVolumeSpec(text: string): VolumeSpec {
  const bad = () => invalidArgument(`invalid volume specification: '${text}'`);
  const parts = text.split(':');
  if (parts.length > 3 || parts.some((part) => part === '')) throw bad();
  const [first = '', second, third] = parts;
  if (second === undefined) return spec('', first, '', text);
  if (third !== undefined) return spec(first, second, third, text);
  // Docker: two parts are source:destination, or destination:mode when the second is no path.
  if (isMode(second) && !second.startsWith('/')) return spec('', first, second, text);
  return spec(first, second, '', text);
}

function spec(source: string, destination: string, mode: string, text: string): VolumeSpec {
  if (!destination.startsWith('/')) {
    throw invalidArgument(
      `invalid volume specification: '${text}': invalid mount config for type "${kind(source)}": invalid mount path: '${destination}' mount path must be absolute`,
    );
  }
  const clean = cleanDestination(destination, text);
  const options = mode ? mode.split(',') : [];
  if (!isMode(mode)) throw invalidArgument(`invalid mode: ${mode}`);
  const isBind = source.startsWith('/');
  const propagation = options.find((one) => propagations.includes(one)) ?? '';
  if (propagation && !isBind) throw invalidArgument(`invalid volume specification: '${text}'`);
  if (isBind && options.includes('nocopy')) throw invalidArgument(`invalid mode: ${mode}`);
  if (source && !isBind && !volumeName.test(source)) {
    throw invalidArgument(
      `create ${source}: ${JSON.stringify(source)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
    );
  }
  return {
    source: isBind ? posix.normalize(source).replace(/(?<=.)\/+$/, '') : source,
    destination: clean,
    isBind,
    readOnly: options.includes('ro'),
    noCopy: options.includes('nocopy'),
    propagation: isBind ? propagation || 'rprivate' : '',
    mode,
  };
}

const kind = (source: string) => (source.startsWith('/') ? 'bind' : 'volume');

function cleanDestination(path: string, text: string): string {
  const clean = posix.normalize(path).replace(/(?<=.)\/+$/, '');
  if (clean === '/') {
    throw invalidArgument(
      `invalid volume specification: '${text}': invalid mount config for type "volume": invalid specification: destination can't be '/'`,
    );
  }
  return clean;
}

/** True when every part is a mode and no group is named twice. */
function isMode(mode: string): boolean {
  if (mode === '') return true;
  const options = mode.split(',');
  const groups = [['rw', 'ro'], ['z', 'Z'], ['nocopy'], propagations, consistencies];
  return (
    options.every((one) => groups.some((group) => group.includes(one))) &&
    groups.every((group) => options.filter((one) => group.includes(one)).length <= 1)
  );
}
